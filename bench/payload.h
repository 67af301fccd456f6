// What travels in the benchmarks and how its receiver knows that it is right. Used by every client
// and server here, so that no side can be fast by answering wrongly.

#ifndef PARLEY_BENCH_PAYLOAD_H_
#define PARLEY_BENCH_PAYLOAD_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace parley_bench {

inline constexpr std::size_t kEchoBodyBytes = 100;

// Writes the echo body number `sequence`: the number itself, then a fixed pattern.
void FillEchoBody(std::uint64_t sequence, absl::Span<char> body);
void FillEchoBody(std::uint64_t sequence, std::string& body);

// OK if `body` is the echo body number `sequence`: a stale, mixed up or cut answer is an error.
absl::Status CheckEchoBody(std::uint64_t sequence, std::string_view body);

// The same of letters and digits alone, as many, for JSON, which has no bytes: what base64 would
// add is spared it.
void FillEchoText(std::uint64_t sequence, std::string& text);
absl::Status CheckEchoText(std::uint64_t sequence, std::string_view text);

inline constexpr std::size_t kTokenTextBytes = 4;

// Writes the text of token number `index`: its index in 4 bytes.
void FillTokenText(std::uint32_t index, absl::Span<char> text);
void FillTokenText(std::uint32_t index, std::string& text);

// OK if `text` is that of token number `index`: a lost, repeated or reordered token is an error.
absl::Status CheckTokenText(std::uint32_t index, std::string_view text);

// The text of a token that also says when it was sent: index, time, and zeros up to `text_bytes`.
inline constexpr std::size_t kTimedTextBytes = kTokenTextBytes + sizeof(std::int64_t);
void FillTimedText(std::uint32_t index, std::int64_t sent_ns, std::size_t text_bytes,
                   std::string& text);

// When token number `index` was sent.
absl::StatusOr<std::int64_t> ReadTimedText(std::uint32_t index, std::size_t text_bytes,
                                           std::string_view text);

// OK if a stream that had to bring `expected` tokens brought that many.
absl::Status CheckTokenCount(std::uint64_t expected, std::uint64_t received);

}  // namespace parley_bench

#endif  // PARLEY_BENCH_PAYLOAD_H_
