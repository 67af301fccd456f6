// A first-in first-out queue that keeps its memory, so that a steady flow allocates nothing.
#ifndef PARLEY_SRC_EXCHANGE_FIFO_H_
#define PARLEY_SRC_EXCHANGE_FIFO_H_

#include <cstddef>
#include <utility>

#include "absl/container/inlined_vector.h"

namespace parley::detail {

template <class T>
class Fifo {
 public:
  void Push(T&& item) {
    if (head_ > 16 && head_ > items_.size() / 2) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
    items_.push_back(std::move(item));
  }

  // REQUIRES: !empty()
  T Pop() {
    T item = std::move(items_[head_++]);
    if (empty()) items_.erase(items_.begin(), items_.end()), head_ = 0;  // clear() frees the memory
    return item;
  }

  bool empty() const { return head_ == items_.size(); }
  std::size_t size() const { return items_.size() - head_; }

 private:
  absl::InlinedVector<T, 1> items_;
  std::size_t head_ = 0;  // of what has not been popped
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_FIFO_H_
