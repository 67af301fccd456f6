// The sending side of a call: what a handler writes to its client, and the part of a client's
// stream that writes.
#ifndef PARLEY_WRITER_H_
#define PARLEY_WRITER_H_

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "parley/detail/exchange.h"
#include "parley/pending.h"

namespace parley {

// Sends the messages of one call in order. A message is encoded before the call returns and waits
// in a queue that is bounded in bytes; it is sent as soon as the connection takes it, without being
// asked for again.
//
// Example:  // The caller left, or time ran out.
//           if (absl::Status s = out.Write(token); !s.ok()) return s;
// Blocks:   Write, while the queue is full. AsyncWrite is pending that long. TryWrite never.
// Threads:  one writer at a time, beside one reader.
// Errors:   CANCELLED, DEADLINE_EXCEEDED or UNAVAILABLE: the call is over, its final status tells
//           more. RESOURCE_EXHAUSTED: the message is over the limit. INTERNAL: it can't be encoded.
//           Both leave the call as it was. FAILED_PRECONDITION: another write waits, or the sending
//           side was closed.
template <class T>
class Writer {
 public:
  explicit Writer(std::shared_ptr<detail::Exchange> exchange) : exchange_(std::move(exchange)) {}

  absl::Status Write(const T& message) {
    const absl::StatusOr<bool> room = Queue(message);
    if (!room.ok() || *room) return room.status();
    return TakeWritten(*exchange_, nullptr, !exchange_->Block(detail::Slot::kWrite));
  }

  // True: the message is queued. False: not now, the queue is full.
  absl::StatusOr<bool> TryWrite(const T& message) {
    absl::StatusOr<bool> room = exchange_->HasRoom();
    if (!room.ok() || !*room) return room;
    if (absl::Status status = Queue(message).status(); !status.ok()) return status;
    return true;
  }

  // The message is queued at once, and stays so if the result is dropped; await it before the next
  // write.
  Pending<absl::Status> AsyncWrite(const T& message) {
    const absl::StatusOr<bool> room = Queue(message);
    if (!room.ok() || *room) return {exchange_, room.status()};
    return {exchange_, detail::Slot::kWrite, &TakeWritten};
  }

 protected:
  std::shared_ptr<detail::Exchange> exchange_;

 private:
  // Whether there is room for another.
  absl::StatusOr<bool> Queue(const T& message) {
    absl::StatusOr<detail::Payload> payload = detail::MakePayload(*exchange_, message);
    if (!payload.ok()) return payload.status();
    return exchange_->Write(*std::move(payload));
  }
  static absl::Status TakeWritten(detail::Exchange& exchange, void*, bool busy) {
    if (busy) return absl::FailedPreconditionError("two writers of one call at the same time");
    return exchange.WriteStatus();
  }
};

}  // namespace parley

#endif  // PARLEY_WRITER_H_
