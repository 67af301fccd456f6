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
    const Held exchange = exchange_;
    const absl::StatusOr<bool> room = Queue(*exchange, message);
    if (!room.ok() || *room) return room.status();
    return TakeWritten(*exchange, nullptr, !exchange->Block(detail::Slot::kWrite));
  }

  // True: the message is queued. False: not now, the queue is full.
  absl::StatusOr<bool> TryWrite(const T& message) {
    const Held exchange = exchange_;
    absl::StatusOr<bool> room = exchange->HasRoom();
    if (!room.ok() || !*room) return room;
    if (absl::Status status = Queue(*exchange, message).status(); !status.ok()) return status;
    return true;
  }

  // The message is queued at once, and stays so if the result is dropped; await it before the next
  // write.
  Pending<absl::Status> AsyncWrite(const T& message) {
    Held exchange = exchange_;
    const absl::StatusOr<bool> room = Queue(*exchange, message);
    if (!room.ok() || *room) return {std::move(exchange), room.status()};
    return {std::move(exchange), detail::Slot::kWrite, &TakeWritten};
  }

 protected:
  std::shared_ptr<detail::Exchange> exchange_;

 private:
  // The answer may be here before a write has returned, and its callback may drop the stream.
  using Held = std::shared_ptr<detail::Exchange>;

  // Whether there is room for another.
  static absl::StatusOr<bool> Queue(detail::Exchange& exchange, const T& message) {
    absl::StatusOr<detail::Payload> payload = detail::MakePayload(exchange, message);
    if (!payload.ok()) return payload.status();
    return exchange.Write(*std::move(payload));
  }
  static absl::Status TakeWritten(detail::Exchange& exchange, void*, bool busy) {
    if (busy) return absl::FailedPreconditionError("two writers of one call at the same time");
    return exchange.WriteStatus();
  }
};

}  // namespace parley

#endif  // PARLEY_WRITER_H_
