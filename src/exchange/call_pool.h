// Where the memory of calls comes from: it is kept and used again, so that a steady flow of calls
// allocates none.
#ifndef PARLEY_SRC_EXCHANGE_CALL_POOL_H_
#define PARLEY_SRC_EXCHANGE_CALL_POOL_H_

#include <cstddef>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

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
  // Lives as long as the CallPool and what was allocated. The standard's pools would do, but each
  // takes one of the process's thread-specific keys, and they lose chunks to threads that end.
  class Memory {
   public:
    ~Memory() {
      for (const Size& size : sizes_) {
        for (void* block : size.kept) ::operator delete(block);
      }
    }
    void* Allocate(std::size_t size_bytes) {
      std::unique_lock lock(mutex_);
      ++references_;
      std::vector<void*>& kept = KeptOf(size_bytes);
      if (kept.empty()) {
        lock.unlock();
        return ::operator new(size_bytes);
      }
      void* const block = kept.back();
      kept.pop_back();
      return block;
    }
    void Free(void* block, std::size_t size_bytes) {
      std::unique_lock lock(mutex_);
      std::vector<void*>& kept = KeptOf(size_bytes);
      if (kept.size() < kMostKept) kept.push_back(std::exchange(block, nullptr));
      Unref(lock);
      ::operator delete(block);
    }
    void Unref() {
      std::unique_lock lock(mutex_);
      Unref(lock);
    }

   private:
    void Unref(std::unique_lock<std::mutex>& lock) {
      const bool last = --references_ == 0;
      lock.unlock();
      if (last) delete this;
    }

    static constexpr std::size_t kMostKept = 256;
    struct Size {
      std::size_t bytes;
      std::vector<void*> kept;
    };
    // There are as many sizes as kinds of call.
    std::vector<void*>& KeptOf(std::size_t size_bytes) {
      for (Size& size : sizes_) {
        if (size.bytes == size_bytes) return size.kept;
      }
      return sizes_.emplace_back(Size{size_bytes, {}}).kept;
    }

    std::mutex mutex_;
    std::size_t references_ = 1;
    std::vector<Size> sizes_;
  };

  // Is copied several times for each object, so it only points.
  template <class T>
  struct Allocator {
    using value_type = T;
    explicit Allocator(Memory* from) : memory(from) {}
    template <class U>
    Allocator(const Allocator<U>& other) : memory(other.memory) {}  // NOLINT: as allocators convert
    T* allocate(std::size_t count) {
      static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
      return static_cast<T*>(memory->Allocate(count * sizeof(T)));
    }
    void deallocate(T* pointer, std::size_t count) { memory->Free(pointer, count * sizeof(T)); }
    friend bool operator==(const Allocator& a, const Allocator& b) { return a.memory == b.memory; }

    Memory* memory;
  };

  Memory* const memory_ = new Memory;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_CALL_POOL_H_
