// A first-in first-out queue of messages that knows its size in bytes.
#ifndef PARLEY_SRC_EXCHANGE_PAYLOAD_QUEUE_H_
#define PARLEY_SRC_EXCHANGE_PAYLOAD_QUEUE_H_

#include <cstddef>
#include <utility>

#include "parley/detail/payload.h"
#include "src/exchange/fifo.h"

namespace parley::detail {

class PayloadQueue {
 public:
  // What a message costs beside its bytes, so that a queue of empty messages is bounded too.
  static constexpr std::size_t kOverheadBytes = 64;
  static std::size_t CostOf(const Payload& payload) {
    return payload.size_bytes() + kOverheadBytes;
  }

  void Push(Payload&& payload) {
    bytes_ += CostOf(payload);
    payloads_.Push(std::move(payload));
  }

  // REQUIRES: !empty()
  Payload Pop() {
    Payload payload = payloads_.Pop();
    bytes_ -= CostOf(payload);
    return payload;
  }

  bool empty() const { return payloads_.empty(); }
  std::size_t size() const { return payloads_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  Fifo<Payload> payloads_;
  std::size_t bytes_ = 0;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_PAYLOAD_QUEUE_H_
