// Where the memory of calls comes from: it is kept and used again, so that a steady flow of calls
// allocates none.
#ifndef PARLEY_SRC_EXCHANGE_CALL_POOL_H_
#define PARLEY_SRC_EXCHANGE_CALL_POOL_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <utility>

namespace parley::detail {

class CallPool {
 public:
  CallPool() = default;
  CallPool(const CallPool&) = delete;
  CallPool& operator=(const CallPool&) = delete;
  ~CallPool() { memory_->Unref(); }

  // A T whose memory goes back to the pool; it may outlive the CallPool. Any thread.
  template <class T, class... Args>
  std::shared_ptr<T> Make(Args&&... args) const {
    return std::allocate_shared<T>(Allocator<T>{memory_}, std::forward<Args>(args)...);
  }

 private:
  // Lives as long as the CallPool and what was allocated.
  class Memory {
   public:
    void* Allocate(std::size_t size_bytes, std::size_t alignment) {
      references_.fetch_add(1, std::memory_order_relaxed);
      return pool_.allocate(size_bytes, alignment);
    }
    void Free(void* pointer, std::size_t size_bytes, std::size_t alignment) {
      pool_.deallocate(pointer, size_bytes, alignment);
      Unref();
    }
    void Unref() {
      if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }

   private:
    std::pmr::synchronized_pool_resource pool_{{.max_blocks_per_chunk = 64}};
    std::atomic<std::size_t> references_ = 1;
  };

  // Is copied several times for each object, so it only points.
  template <class T>
  struct Allocator {
    using value_type = T;
    explicit Allocator(Memory* from) : memory(from) {}
    template <class U>
    Allocator(const Allocator<U>& other) : memory(other.memory) {}  // NOLINT: as allocators convert
    T* allocate(std::size_t count) {
      return static_cast<T*>(memory->Allocate(count * sizeof(T), alignof(T)));
    }
    void deallocate(T* pointer, std::size_t count) {
      memory->Free(pointer, count * sizeof(T), alignof(T));
    }
    friend bool operator==(const Allocator& a, const Allocator& b) { return a.memory == b.memory; }

    Memory* memory;
  };

  Memory* const memory_ = new Memory;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_CALL_POOL_H_
