#include "src/wire/grpc/plain_incoming_call.h"

#include <grpc/grpc.h>

#include <chrono>
#include <utility>

#include "absl/time/clock.h"
#include "src/wire/grpc/listener.h"

namespace parley::detail {

void PlainIncomingCall::Await(Listener& listener, std::size_t index) {
  listener_ = &listener;
  index_ = index;
  // Its event comes only if a call arrives, so that is when it starts to count.
  context_.AsyncNotifyWhenDone(gone_.tag());
  listener.Awaits();
  StartAwait(listener, index, arrived_.Start(source_, Self()));
}

void PlainIncomingCall::OnArrived(bool ok) {
  if (ok) TakeIn();  // or else the server is closing
  listener_->AwaitsNoMore();
}

void PlainIncomingCall::TakeIn() {
  gone_.Start(source_, Self());
  listener_->Arrived(index_);
  Dispatcher::Method& method = listener_->method(index_);
  set_method(method.handler.path);
  const auto deadline = context_.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) {
    set_deadline(absl::Now() + dispatcher_->options().max_call_duration);
    WatchDeadline();
  } else {
    set_deadline(absl::FromChrono(deadline));  // gRPC watches it
  }
  Arrived(&method, ArrivedRequest());
}

void PlainIncomingCall::OnGone(bool) {
  listener_->Gone(index_);
  if (!closing() && context_.IsCancelled()) Lost();
}

void PlainIncomingCall::Lost() {
  PeerGone(deadline() <= absl::Now()
               ? absl::DeadlineExceededError("the call's deadline has passed")
               : absl::CancelledError("the client cancelled the call or is gone"));
}

void PlainIncomingCall::SetInitialMetadata(const std::optional<Metadata>& initial) {
  if (!initial) return;
  for (const auto& [key, value] : *initial) context_.AddInitialMetadata(key, value);
}

grpc::Status PlainIncomingCall::Close() {
  const Closing closing = TakeClosing();
  SetInitialMetadata(closing.initial);
  for (const auto& [key, value] : closing.trailing) context_.AddTrailingMetadata(key, value);
  return ToGrpcStatus(closing.status);
}

std::vector<std::string> PlainIncomingCall::PeerIdentities() {
  std::vector<std::string> identities;
  for (const grpc::string_ref& identity : context_.auth_context()->GetPeerIdentity()) {
    identities.emplace_back(identity.data(), identity.size());
  }
  return identities;
}

void PlainOneRequestCall::StartAwait(Listener& listener, std::size_t index, void* tag) {
  listener.service().AwaitWithRequest(index, context_, arrived_request_, stream_, listener.queue(),
                                      tag);
}

void PlainManyRequestsCall::StartAwait(Listener& listener, std::size_t index, void* tag) {
  listener.service().Await(index, context_, stream_, listener.queue(), tag);
}

void PlainManyRequestsCall::StartRead() { stream_.Read(&incoming_, read_.Start(source_, Self())); }

void PlainManyRequestsCall::OnRead(bool ok) {
  if (ok) return MessageRead(*std::exchange(incoming_.payload, std::nullopt));
  // The client closed its side, or it was cut off.
  grpc_call_failed_before_recv_message(context_.c_call()) ? Lost() : ReadEnded();
}

}  // namespace parley::detail
