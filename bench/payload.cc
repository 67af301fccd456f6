// Bodies and token texts: see payload.h.

#include "payload.h"

#include <array>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace parley_bench {
namespace {

// What follows the number: many byte values, so that no encoding passes by being good at zeros.
constexpr auto kPattern = [] {
  std::array<char, kEchoBodyBytes - sizeof(std::uint64_t)> pattern{};
  for (std::size_t i = 0; i < pattern.size(); ++i) pattern[i] = static_cast<char>(i * 37 + 51);
  return pattern;
}();

absl::Status NotInItsPlace(std::uint32_t index) {
  return absl::DataLossError(absl::StrCat("token ", index, " is not in its place"));
}

}  // namespace

void FillEchoBody(std::uint64_t sequence, absl::Span<char> body) {
  std::memcpy(body.data(), &sequence, sizeof(sequence));
  std::memcpy(body.data() + sizeof(sequence), kPattern.data(), kPattern.size());
}

void FillEchoBody(std::uint64_t sequence, std::string& body) {
  body.resize(kEchoBodyBytes);
  FillEchoBody(sequence, absl::MakeSpan(body));
}

absl::Status CheckEchoBody(std::uint64_t sequence, std::string_view body) {
  if (body.size() != kEchoBodyBytes) {
    return absl::DataLossError(
        absl::StrCat("echo ", sequence, " has ", body.size(), " bytes, not ", kEchoBodyBytes));
  }
  const bool right =
      std::memcmp(body.data(), &sequence, sizeof(sequence)) == 0 &&
      std::memcmp(body.data() + sizeof(sequence), kPattern.data(), kPattern.size()) == 0;
  if (!right) return absl::DataLossError(absl::StrCat("echo ", sequence, " has other bytes"));
  return absl::OkStatus();
}

void FillEchoText(std::uint64_t sequence, std::string& text) {
  text.assign(absl::StrCat(absl::Hex(sequence, absl::kZeroPad16)));
  while (text.size() < kEchoBodyBytes) text.push_back(static_cast<char>('a' + text.size() % 26));
}

absl::Status CheckEchoText(std::uint64_t sequence, std::string_view text) {
  std::string expected;
  FillEchoText(sequence, expected);
  if (text == expected) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("echo ", sequence, " has other characters"));
}

void FillTokenText(std::uint32_t index, absl::Span<char> text) {
  for (std::size_t i = 0; i < kTokenTextBytes; ++i) text[i] = static_cast<char>(index >> (8 * i));
}

void FillTokenText(std::uint32_t index, std::string& text) {
  text.resize(kTokenTextBytes);
  FillTokenText(index, absl::MakeSpan(text));
}

absl::Status CheckTokenText(std::uint32_t index, std::string_view text) {
  bool right = text.size() == kTokenTextBytes;
  for (std::size_t i = 0; right && i < kTokenTextBytes; ++i) {
    right = text[i] == static_cast<char>(index >> (8 * i));
  }
  return right ? absl::OkStatus() : NotInItsPlace(index);
}

void FillTimedText(std::uint32_t index, std::int64_t sent_ns, std::size_t text_bytes,
                   std::string& text) {
  text.resize(text_bytes);
  FillTokenText(index, absl::MakeSpan(text));
  std::memcpy(text.data() + kTokenTextBytes, &sent_ns, sizeof(sent_ns));
}

absl::StatusOr<std::int64_t> ReadTimedText(std::uint32_t index, std::size_t text_bytes,
                                           std::string_view text) {
  if (text.size() != text_bytes || !CheckTokenText(index, text.substr(0, kTokenTextBytes)).ok()) {
    return NotInItsPlace(index);
  }
  std::int64_t sent_ns = 0;
  std::memcpy(&sent_ns, text.data() + kTokenTextBytes, sizeof(sent_ns));
  return sent_ns;
}

absl::Status CheckTokenCount(std::uint64_t expected, std::uint64_t received) {
  if (received == expected) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(received, " tokens arrived, not ", expected));
}

}  // namespace parley_bench
