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
  const std::shared_ptr<detail::Exchange> call = call_;  // a callback may drop the stream
  call->Cancel(absl::CancelledError("the caller cancelled the call"));
}

const Metadata& ClientStream::initial_metadata() {
  call_->Block(detail::Slot::kHeaders);
  return call_->InitialMetadata();
}

const Metadata& ClientStream::trailing_metadata() {
  call_->Block(detail::Slot::kEnd);
  return call_->TrailingMetadata();
}

void ClientStream::CloseSending() {
  const std::shared_ptr<detail::Exchange> call = call_;
  call->WritesDone();
}

absl::Status ClientStream::FinishReading() {
  const std::shared_ptr<detail::Exchange> call = call_;
  Cancel();
  return call->FinalStatus();
}

Pending<absl::Status> ClientStream::AsyncFinishReading() {
  const std::shared_ptr<detail::Exchange> call = call_;
  Cancel();
  return {call, call->FinalStatus()};
}

}  // namespace parley
