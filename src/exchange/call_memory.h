// Where the memory of calls comes from: each thread keeps some of what it has let go, and uses it again,
// so that a steady flow of calls allocates none and takes no lock for it.
#ifndef PARLEY_SRC_EXCHANGE_CALL_MEMORY_H_
#define PARLEY_SRC_EXCHANGE_CALL_MEMORY_H_

#include <cstddef>
#include <memory>
#include <utility>

namespace parley::detail {

// As operator new and delete.
void* AllocateForCall(std::size_t size_bytes);
void FreeOfCall(void* block, std::size_t size_bytes);

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

#endif  // PARLEY_SRC_EXCHANGE_CALL_MEMORY_H_
