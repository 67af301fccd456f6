// Bodies and token texts: see payload.h.

#include "payload.h"

#include <cstring>

#include "absl/strings/str_cat.h"

namespace parley_bench {
namespace {

// Every byte value, so that no encoding passes by being good at zeros.
char PatternAt(std::size_t i) { return static_cast<char>(i * 37 + 11); }

}  // namespace

void FillEchoBody(std::uint64_t sequence, std::string& body) {
  body.resize(kEchoBodyBytes);
  for (std::size_t i = sizeof(sequence); i < body.size(); ++i) body[i] = PatternAt(i);
  std::memcpy(body.data(), &sequence, sizeof(sequence));
}

absl::Status CheckEchoBody(std::uint64_t sequence, std::string_view body) {
  if (body.size() != kEchoBodyBytes) {
    return absl::DataLossError(
        absl::StrCat("echo ", sequence, " has ", body.size(), " bytes, not ", kEchoBodyBytes));
  }
  bool right = std::memcmp(body.data(), &sequence, sizeof(sequence)) == 0;
  for (std::size_t i = sizeof(sequence); i < body.size(); ++i) right &= body[i] == PatternAt(i);
  if (!right) return absl::DataLossError(absl::StrCat("echo ", sequence, " has other bytes"));
  return absl::OkStatus();
}

void FillTokenText(std::uint32_t index, std::string& text) {
  text.resize(sizeof(index));
  for (std::size_t i = 0; i < sizeof(index); ++i) text[i] = static_cast<char>(index >> (8 * i));
}

absl::Status CheckTokenText(std::uint32_t index, std::string_view text) {
  bool right = text.size() == sizeof(index);
  for (std::size_t i = 0; right && i < sizeof(index); ++i) {
    right = text[i] == static_cast<char>(index >> (8 * i));
  }
  if (!right) return absl::DataLossError(absl::StrCat("token ", index, " is not in its place"));
  return absl::OkStatus();
}

absl::Status CheckTokenCount(std::uint64_t expected, std::uint64_t received) {
  if (received == expected) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(received, " tokens arrived, not ", expected));
}

}  // namespace parley_bench
