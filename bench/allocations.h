// How many heap allocations this process has made. Two sources implement it: allocations_counted.cc
// for the programs that the `allocations` row runs, allocations_uncounted.cc for all timed ones.

#ifndef PARLEY_BENCH_ALLOCATIONS_H_
#define PARLEY_BENCH_ALLOCATIONS_H_

#include <cstdint>

namespace parley_bench {

// Allocations since the process started, by any thread and any library; -1 where they are not
// counted.
std::int64_t AllocationCount();

}  // namespace parley_bench

#endif  // PARLEY_BENCH_ALLOCATIONS_H_
