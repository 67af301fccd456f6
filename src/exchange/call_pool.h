// Where the memory of calls comes from: it is kept and used again, so that a steady flow of calls
// allocates none.
#ifndef PARLEY_SRC_EXCHANGE_CALL_POOL_H_
#define PARLEY_SRC_EXCHANGE_CALL_POOL_H_

#include <cstddef>
#include <memory>
#include <memory_resource>
#include <utility>

namespace parley::detail {

class CallPool {
 public:
  // A T whose memory goes back to the pool; it may outlive the CallPool. Any thread.
  template <class T, class... Args>
  std::shared_ptr<T> Make(Args&&... args) const {
    return std::allocate_shared<T>(Allocator<T>{memory_}, std::forward<Args>(args)...);
  }

 private:
  using Memory = std::pmr::synchronized_pool_resource;

  // The standard's polymorphic_allocator does not keep its resource alive.
  template <class T>
  struct Allocator {
    using value_type = T;
    explicit Allocator(std::shared_ptr<Memory> from) : memory(std::move(from)) {}
    template <class U>
    Allocator(const Allocator<U>& other) : memory(other.memory) {}  // NOLINT: as allocators convert
    T* allocate(std::size_t count) {
      return static_cast<T*>(memory->allocate(count * sizeof(T), alignof(T)));
    }
    void deallocate(T* pointer, std::size_t count) {
      memory->deallocate(pointer, count * sizeof(T), alignof(T));
    }
    friend bool operator==(const Allocator& a, const Allocator& b) { return a.memory == b.memory; }

    std::shared_ptr<Memory> memory;
  };

  const std::shared_ptr<Memory> memory_ =
      std::make_shared<Memory>(std::pmr::pool_options{.max_blocks_per_chunk = 64});
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_CALL_POOL_H_
