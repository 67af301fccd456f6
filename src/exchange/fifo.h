// A first-in first-out queue that keeps its memory, so that a steady flow allocates nothing.
#ifndef PARLEY_SRC_EXCHANGE_FIFO_H_
#define PARLEY_SRC_EXCHANGE_FIFO_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace parley::detail {

// A ring of slots, which has none until the first item comes.
template <class T>
class Fifo {
 public:
  Fifo() = default;
  Fifo(Fifo&& other) noexcept { Swap(other); }
  Fifo& operator=(Fifo&& other) noexcept {
    Fifo(std::move(other)).Swap(*this);
    return *this;
  }
  ~Fifo() {
    Clear();
    std::allocator<T>().deallocate(slots_, capacity_);
  }

  void Push(T&& item) {
    if (size_ == capacity_) Grow();
    std::construct_at(&At(size_), std::move(item));
    ++size_;
  }
  // Before all others.
  void PushFirst(T&& item) {
    if (size_ == capacity_) Grow();
    --head_;
    ++size_;
    std::construct_at(&At(0), std::move(item));
  }

  // REQUIRES: !empty()
  T Pop() {
    T& first = At(0);
    T item = std::move(first);
    std::destroy_at(&first);
    ++head_;
    --size_;
    return item;
  }

  // REQUIRES: place < size()
  T& operator[](std::size_t place) { return At(static_cast<std::uint32_t>(place)); }
  void Clear() {
    while (!empty()) Pop();
  }

  void Swap(Fifo& other) noexcept {
    std::swap(slots_, other.slots_);
    std::swap(capacity_, other.capacity_);
    std::swap(head_, other.head_);
    std::swap(size_, other.size_);
  }

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

 private:
  static constexpr std::uint32_t kFirstCapacity = 1;

  // The capacity is a power of two, and `head_` goes round and round.
  T& At(std::uint32_t place) { return slots_[(head_ + place) & (capacity_ - 1)]; }
  void Grow() {
    Fifo larger;
    larger.capacity_ = std::max(kFirstCapacity, 2 * capacity_);
    larger.slots_ = std::allocator<T>().allocate(larger.capacity_);
    while (!empty()) larger.Push(Pop());
    Swap(larger);
  }
  T* slots_ = nullptr;
  std::uint32_t capacity_ = 0;
  std::uint32_t head_ = 0;
  std::uint32_t size_ = 0;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_FIFO_H_
