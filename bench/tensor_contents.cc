// Tensors' elements: see tensor_contents.h.

#include "tensor_contents.h"

#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace parley_bench {
namespace {

// Of all elements' bits, so that no order of additions and no rounding matters, and the loop is as fast
// as memory.
std::uint64_t SumOf(std::string_view bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i + sizeof(std::uint32_t) <= bytes.size(); i += sizeof(std::uint32_t)) {
    std::uint32_t bits;
    std::memcpy(&bits, bytes.data() + i, sizeof bits);
    sum += bits;
  }
  return sum;
}

float ElementAt(std::size_t i) {
  constexpr std::uint32_t kMultiplier = 2654435761;
  return static_cast<float>((static_cast<std::uint32_t>(i) * kMultiplier) >> 8) * 0x1p-24F;
}

}  // namespace

TensorContents::TensorContents(std::size_t elements) : elements_(elements) {
  for (std::size_t i = 1; i < elements; ++i) elements_[i] = ElementAt(i);
  sum_without_first_ = SumOf(BytesOf(elements_));
}

float TensorContents::FirstOf(std::uint64_t sequence) {
  return static_cast<float>(sequence % kDifferent + 1) / static_cast<float>(kDifferent);
}

std::vector<float> TensorContents::Make(std::uint64_t sequence) const {
  std::vector<float> made = elements_;
  made[0] = FirstOf(sequence);
  return made;
}

std::vector<std::vector<float>> TensorContents::MakeAll() const {
  std::vector<std::vector<float>> all;
  for (std::uint64_t i = 0; i < kDifferent; ++i) all.push_back(Make(i));
  return all;
}

absl::Status TensorContents::Check(std::uint64_t sequence, std::string_view bytes) const {
  if (absl::Status s = CheckAny(bytes); !s.ok()) return s;
  float first;
  std::memcpy(&first, bytes.data(), sizeof first);
  if (first == FirstOf(sequence)) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("tensor ", sequence, " is another one"));
}

absl::Status TensorContents::CheckAny(std::string_view bytes) const {
  const std::size_t expected_bytes = elements_.size() * sizeof(float);
  if (bytes.size() != expected_bytes) {
    return absl::DataLossError(
        absl::StrCat("a tensor has ", bytes.size(), " bytes, not ", expected_bytes));
  }
  float first;
  std::memcpy(&first, bytes.data(), sizeof first);
  if (SumOf(bytes) == sum_without_first_ + std::bit_cast<std::uint32_t>(first)) {
    return absl::OkStatus();
  }
  return absl::DataLossError("a tensor has other elements");
}

}  // namespace parley_bench
