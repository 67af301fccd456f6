// Counts every heap allocation of the process by defining malloc's family in the program: the
// dynamic linker then binds gRPC, protobuf, Abseil and operator new to these definitions too, and
// they forward to glibc's own. See allocations.h.

#include <malloc.h>

#include <atomic>
#include <cerrno>
#include <cstddef>

#include "allocations.h"

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
}

namespace parley_bench {
namespace {

// Zero before any constructor runs, as malloc is called before any.
std::atomic<std::int64_t> allocation_count;

void CountOne() { allocation_count.fetch_add(1, std::memory_order_relaxed); }

}  // namespace

std::int64_t AllocationCount() { return allocation_count.load(std::memory_order_relaxed); }

}  // namespace parley_bench

extern "C" {

void* malloc(std::size_t size) noexcept {
  parley_bench::CountOne();
  return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) noexcept {
  parley_bench::CountOne();
  return __libc_calloc(count, size);
}

void* realloc(void* memory, std::size_t size) noexcept {
  parley_bench::CountOne();
  return __libc_realloc(memory, size);
}

void* memalign(std::size_t alignment, std::size_t size) noexcept {
  parley_bench::CountOne();
  return __libc_memalign(alignment, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return memalign(alignment, size);
}

int posix_memalign(void** result, std::size_t alignment, std::size_t size) noexcept {
  void* memory = memalign(alignment, size);
  if (memory == nullptr) return ENOMEM;
  *result = memory;
  return 0;
}

}  // extern "C"
