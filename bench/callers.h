// Blocking callers at once, each on a thread of its own. Used by every client that has a blocking
// call.

#ifndef PARLEY_BENCH_CALLERS_H_
#define PARLEY_BENCH_CALLERS_H_

#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "latencies.h"

namespace parley_bench {

// One caller's share: the calls number `first`, `first` + 1, … one after the other.
struct Share {
  std::size_t caller = 0;  // its number
  std::uint64_t first = 0;
  std::uint64_t end = 0;  // the number after the last
};
using Caller = std::function<absl::Status(const Share& share, Latencies& latencies)>;

// Runs `caller` on `threads` threads, each with its share of `calls` calls, or on this one if that
// is 1; returns the first error.
absl::Status RunCallers(int threads, std::int64_t calls, const Caller& caller,
                        Latencies& latencies);

}  // namespace parley_bench

#endif  // PARLEY_BENCH_CALLERS_H_
