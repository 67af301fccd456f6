// When the calls of an open loop are due: at random, as independent users' would be, and whether or
// not earlier ones have been answered. Used by the clients' work "echo_at_rate".

#ifndef PARLEY_BENCH_ARRIVALS_H_
#define PARLEY_BENCH_ARRIVALS_H_

#include <cstdint>
#include <random>

namespace parley_bench {

// A Poisson process, the same in every run.
//
// Threads:  belongs to the one that made it.
class Arrivals {
 public:
  explicit Arrivals(double per_second);

  // Blocks until the next call is due and returns when that was meant to be: a caller that is late
  // counts its lateness as latency.
  std::int64_t WaitForNext();

 private:
  std::mt19937_64 random_;  // not seeded: all sides get the same gaps
  std::exponential_distribution<double> gap_seconds_;
  const std::int64_t start_;
  double offset_seconds_ = 0;
};

}  // namespace parley_bench

#endif  // PARLEY_BENCH_ARRIVALS_H_
