// The receiving side of a call: what a handler reads from its client, and the part of a client's
// stream that reads.
#ifndef PARLEY_READER_H_
#define PARLEY_READER_H_

#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "parley/detail/exchange.h"
#include "parley/pending.h"

namespace parley {

// The messages of one call in order, each exactly once.
//
// Example:  for (const Chunk& chunk : reader) sum += chunk.value();
//           if (absl::Status s = reader.status(); !s.ok()) return s;  // the upload was cut
// Blocks:   Next and iteration, until a message or the end is there. The call's deadline bounds the
//           wait.
// Threads:  one reader at a time, beside one writer. A second concurrent read ends the call with
//           FAILED_PRECONDITION.
// Errors:   the end is not an error, and an error is not an element: after the last message, ask
//           for the status. A message that can't be decoded ends the call with INTERNAL.
template <class T>
class Reader {
 public:
  explicit Reader(std::shared_ptr<detail::Exchange> exchange) : exchange_(std::move(exchange)) {}

  // The next message, or nothing once there are no more.
  std::optional<T> Next() {
    if (std::optional<detail::Payload> payload = exchange_->Take()) {
      return Decode(*exchange_, *std::move(payload));
    }
    const bool busy = !exchange_->Block(detail::Slot::kRead);
    return TakeNext(*exchange_, nullptr, busy);
  }
  Pending<std::optional<T>> AsyncNext() { return {exchange_, detail::Slot::kRead, &TakeNext}; }

  // After the last message, why there are no more. In a handler: OK only if the client closed its
  // side in order, so an upload that was cut is never taken for a complete one. In a client: the
  // call's status. UNKNOWN before the end.
  absl::Status status() const { return exchange_->ReadStatus(); }

  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    const T& operator*() const { return *value_; }
    const T* operator->() const { return &*value_; }
    Iterator& operator++() {
      value_ = reader_->Next();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& it, std::default_sentinel_t) { return !it.value_; }

   private:
    friend class Reader;
    explicit Iterator(Reader* reader) : reader_(reader), value_(reader->Next()) {}
    Reader* reader_ = nullptr;
    std::optional<T> value_;
  };
  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() { return {}; }

 protected:
  std::shared_ptr<detail::Exchange> exchange_;

 private:
  static std::optional<T> TakeNext(detail::Exchange& exchange, void*, bool busy) {
    if (busy) {
      exchange.Cancel(absl::FailedPreconditionError("two readers of one call at the same time"));
      return std::nullopt;
    }
    std::optional<detail::Payload> payload = exchange.Take();
    if (!payload) return std::nullopt;
    return Decode(exchange, *std::move(payload));
  }
  static std::optional<T> Decode(detail::Exchange& exchange, detail::Payload&& payload) {
    std::optional<T> message;
    const absl::Status status = detail::TakeMessageInto<T>(std::move(payload), message);
    if (status.ok()) return message;
    message.reset();
    exchange.Reject(absl::InternalError(absl::StrCat("malformed message: ", status.message())));
    return message;
  }
};

}  // namespace parley

#endif  // PARLEY_READER_H_
