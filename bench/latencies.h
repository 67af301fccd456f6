// Monotonic time and what is done with differences of it. Used by every measured program.

#ifndef PARLEY_BENCH_LATENCIES_H_
#define PARLEY_BENCH_LATENCIES_H_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace parley_bench {

// The same clock in all processes of a machine, so a token may carry it from one to another.
inline std::int64_t NowNanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Every latency of a run; percentiles come from all of them, sorted.
//
// Threads:  external synchronisation.
class Latencies {
 public:
  void Reserve(std::int64_t count) { nanoseconds_.reserve(static_cast<std::size_t>(count)); }
  void Add(std::int64_t nanoseconds) { nanoseconds_.push_back(nanoseconds); }
  void AddAll(const Latencies& other) {
    nanoseconds_.insert(nanoseconds_.end(), other.nanoseconds_.begin(), other.nanoseconds_.end());
  }

  // 0 if there are none.
  double PercentileMicroseconds(double fraction) {
    if (nanoseconds_.empty()) return 0;
    std::sort(nanoseconds_.begin(), nanoseconds_.end());
    const auto last = static_cast<double>(nanoseconds_.size() - 1);
    return static_cast<double>(nanoseconds_[static_cast<std::size_t>(fraction * last)]) / 1e3;
  }

 private:
  std::vector<std::int64_t> nanoseconds_;
};

}  // namespace parley_bench

#endif  // PARLEY_BENCH_LATENCIES_H_
