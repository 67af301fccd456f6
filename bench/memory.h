// What this process holds of memory. Used by the talk with the driver in side.cc.

#ifndef PARLEY_BENCH_MEMORY_H_
#define PARLEY_BENCH_MEMORY_H_

#include <cstdint>

namespace parley_bench {

// Bytes that malloc has handed out and not got back, in all of its arenas.
std::int64_t HeapBytes();

// Bytes of pages that are this process's alone and written to: heap, what lies free in it, stacks.
std::int64_t PrivateDirtyBytes();

}  // namespace parley_bench

#endif  // PARLEY_BENCH_MEMORY_H_
