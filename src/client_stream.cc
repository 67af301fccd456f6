#include "parley/client_stream.h"

#include <utility>

namespace parley {
namespace detail {

absl::StatusOr<Payload> TakeResponse(Exchange& exchange, ResponseMetadata* response) {
  if (response != nullptr) {
    response->initial = exchange.InitialMetadata();
    response->trailing = exchange.TrailingMetadata();
  }
  return exchange.TakeResponse();
}

}  // namespace detail

ClientStream& ClientStream::operator=(ClientStream&& other) noexcept {
  if (this == &other) return *this;
  if (call_ != nullptr) call_->Drop();
  call_ = std::move(other.call_);
  return *this;
}

ClientStream::~ClientStream() {
  if (call_ != nullptr) call_->Drop();
}

void ClientStream::Cancel() {
  call_->Cancel(absl::CancelledError("the caller cancelled the call"));
}

const Metadata& ClientStream::initial_metadata() {
  call_->Block(detail::Slot::kHeaders);
  return call_->InitialMetadata();
}

const Metadata& ClientStream::trailing_metadata() {
  call_->Block(detail::Slot::kEnd);
  return call_->TrailingMetadata();
}

absl::Status ClientStream::FinishReading() {
  Cancel();
  return call_->FinalStatus();
}

Pending<absl::Status> ClientStream::AsyncFinishReading() {
  Cancel();
  return {call_, call_->FinalStatus()};
}

}  // namespace parley
