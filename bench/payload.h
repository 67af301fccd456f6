// What travels in the benchmarks and how its receiver knows that it is right. Used by every client
// and server here, so that no side can be fast by answering wrongly.

#ifndef PARLEY_BENCH_PAYLOAD_H_
#define PARLEY_BENCH_PAYLOAD_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace parley_bench {

inline constexpr std::size_t kEchoBodyBytes = 100;

// Writes the echo body number `sequence`: the number itself, then a fixed pattern.
void FillEchoBody(std::uint64_t sequence, std::string& body);

// OK if `body` is the echo body number `sequence`: a stale, mixed up or cut answer is an error.
absl::Status CheckEchoBody(std::uint64_t sequence, std::string_view body);

// Writes the text of token number `index`: its index in 4 bytes.
void FillTokenText(std::uint32_t index, std::string& text);

// OK if `text` is that of token number `index`: a lost, repeated or reordered token is an error.
absl::Status CheckTokenText(std::uint32_t index, std::string_view text);

// OK if a stream that had to bring `expected` tokens brought that many.
absl::Status CheckTokenCount(std::uint64_t expected, std::uint64_t received);

}  // namespace parley_bench

#endif  // PARLEY_BENCH_PAYLOAD_H_
