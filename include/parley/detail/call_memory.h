// Where the memory of calls and their callbacks comes from: each thread keeps some of what it has let go,
// and uses it again, so that a steady flow of calls and tokens allocates none and takes no lock for it.
#ifndef PARLEY_DETAIL_CALL_MEMORY_H_
#define PARLEY_DETAIL_CALL_MEMORY_H_

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include "parley/detail/export.h"

namespace parley::detail {

// As operator new and delete.
PARLEY_EXPORT void* AllocateForCall(std::size_t size_bytes);
PARLEY_EXPORT void FreeOfCall(void* block, std::size_t size_bytes);

// A base of what is made with `new` for a call.
struct InCallMemory {
  static void* operator new(std::size_t size_bytes) { return AllocateForCall(size_bytes); }
  static void operator delete(void* block, std::size_t size_bytes) {
    FreeOfCall(block, size_bytes);
  }
  // What an application puts in may have to lie at more than a malloc's alignment.
  static void* operator new(std::size_t size_bytes, std::align_val_t alignment) {
    return ::operator new(size_bytes, alignment);
  }
  static void operator delete(void* block, std::align_val_t alignment) {
    ::operator delete(block, alignment);
  }
};

template <class T>
struct CallAllocator {
  using value_type = T;
  CallAllocator() = default;
  template <class U>
  CallAllocator(const CallAllocator<U>&) {}  // NOLINT: as allocators convert
  T* allocate(std::size_t count) {
    static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
    return static_cast<T*>(AllocateForCall(count * sizeof(T)));
  }
  void deallocate(T* pointer, std::size_t count) { FreeOfCall(pointer, count * sizeof(T)); }
  friend bool operator==(const CallAllocator&, const CallAllocator&) { return true; }
};

template <class T, class... Args>
std::shared_ptr<T> MakeCall(Args&&... args) {
  return std::allocate_shared<T>(CallAllocator<T>(), std::forward<Args>(args)...);
}

}  // namespace parley::detail

#endif  // PARLEY_DETAIL_CALL_MEMORY_H_
