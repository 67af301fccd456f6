// A first-in first-out queue of messages that knows its size in bytes. Keeps its memory, so a
// steady flow allocates nothing.
#ifndef PARLEY_SRC_EXCHANGE_PAYLOAD_QUEUE_H_
#define PARLEY_SRC_EXCHANGE_PAYLOAD_QUEUE_H_

#include <cstddef>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "parley/detail/payload.h"

namespace parley::detail {

class PayloadQueue {
 public:
  // What a message costs beside its bytes, so that a queue of empty messages is bounded too.
  static constexpr std::size_t kOverheadBytes = 64;

  void Push(Payload&& payload) {
    bytes_ += payload.size_bytes() + kOverheadBytes;
    if (head_ > 16 && head_ > items_.size() / 2) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
    items_.push_back(std::move(payload));
  }

  // REQUIRES: !empty()
  Payload Pop() {
    Payload payload = std::move(items_[head_++]);
    bytes_ -= payload.size_bytes() + kOverheadBytes;
    if (empty()) items_.clear(), head_ = 0;
    return payload;
  }

  bool empty() const { return head_ == items_.size(); }
  std::size_t size() const { return items_.size() - head_; }
  std::size_t bytes() const { return bytes_; }

 private:
  absl::InlinedVector<Payload, 1> items_;
  std::size_t head_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_PAYLOAD_QUEUE_H_
