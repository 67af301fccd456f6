#include "src/wire/grpc/plain_incoming_call.h"

#include <grpc/support/time.h>

#include <chrono>
#include <utility>

#include "absl/time/clock.h"
#include "src/wire/grpc/listener.h"

namespace parley::detail {

PlainIncomingCall::PlainIncomingCall(std::shared_ptr<Dispatcher> dispatcher, CallLimits limits,
                                     CompletionSource& source)
    : IncomingCall(std::move(dispatcher), limits), source_(source) {}

void PlainIncomingCall::Await(Listener& listener, grpc::AsyncGenericService& service,
                              grpc::ServerCompletionQueue& queue) {
  listener_ = &listener;
  // Its event comes only if a call arrives, so that is when it starts to count.
  context_.AsyncNotifyWhenDone(gone_.tag());
  service.RequestCall(&context_, &stream_, &queue, &queue, arrived_.Start(source_, Self()));
}

void PlainIncomingCall::OnArrived(bool ok) {
  if (!ok) return;  // the server is closing
  gone_.Start(source_, Self());
  listener_->AcceptNext();
  const std::string_view path = context_.method();
  set_method(path.substr(path.empty() ? 0 : 1));
  const auto deadline = context_.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) {
    set_deadline(absl::Now() + dispatcher_->options().max_call_duration);
    WatchDeadline();
  } else {
    set_deadline(absl::FromChrono(deadline));  // gRPC watches it
  }
  Arrived();
}

void PlainIncomingCall::StartRead() { stream_.Read(&incoming_, read_.Start(source_, Self())); }

void PlainIncomingCall::OnRead(bool ok) {
  if (!ok) return Probe();
  Payload message = FromByteBuffer(incoming_);
  incoming_.Clear();
  MessageRead(std::move(message));
}

void PlainIncomingCall::Probe() {
  std::unique_lock lock(sending_);
  if (!initial_metadata_sent()) {
    // On a call that was cut off this fails.
    SetInitialMetadata();
    stream_.SendInitialMetadata(probed_.Start(source_, Self()));
  } else {
    // The news that a call was cut off is queued right behind the failed read; let it overtake the
    // end.
    alarm_ = std::make_unique<grpc::Alarm>();
    alarm_->Set(source_.queue(), gpr_time_0(GPR_CLOCK_REALTIME), probed_.Start(source_, Self()));
  }
}

void PlainIncomingCall::OnProbed(bool ok) {
  if (ok) ReadEnded();  // else OnGone follows
}

void PlainIncomingCall::StartWrite(Payload message, bool close) {
  const grpc::ByteBuffer bytes = ToByteBuffer(message.bytes());
  std::unique_lock lock(sending_);
  SetInitialMetadata();
  if (close) {
    stream_.WriteAndFinish(bytes, grpc::WriteOptions(), TakeClosing(),
                           closed_.Start(source_, Self()));
  } else {
    stream_.Write(bytes, written_.Start(source_, Self()));
  }
}

void PlainIncomingCall::OnWritten(bool ok) { WriteDone(ok); }

void PlainIncomingCall::StartClose() {
  std::unique_lock lock(sending_);
  SetInitialMetadata();
  stream_.Finish(TakeClosing(), closed_.Start(source_, Self()));
}

void PlainIncomingCall::OnClosed(bool) { CloseDone(); }

void PlainIncomingCall::OnGone(bool) {
  if (!context_.IsCancelled()) return;
  PeerGone(deadline() <= absl::Now()
               ? absl::DeadlineExceededError("the call's deadline has passed")
               : absl::CancelledError("the client cancelled the call or is gone"));
}

void PlainIncomingCall::SetInitialMetadata() {
  const std::optional<Metadata> metadata = TakeInitialMetadata();
  if (!metadata) return;
  for (const auto& [key, value] : *metadata) context_.AddInitialMetadata(key, value);
}

grpc::Status PlainIncomingCall::TakeClosing() {
  for (const auto& [key, value] : TakeTrailingMetadata()) context_.AddTrailingMetadata(key, value);
  return ToGrpcStatus(ClosingStatus());
}

std::vector<std::string> PlainIncomingCall::PeerIdentities() {
  std::vector<std::string> identities;
  for (const grpc::string_ref& identity : context_.auth_context()->GetPeerIdentity()) {
    identities.emplace_back(identity.data(), identity.size());
  }
  return identities;
}

std::shared_ptr<PlainIncomingCall> PlainIncomingCall::Self() {
  return std::static_pointer_cast<PlainIncomingCall>(shared_from_this());
}

}  // namespace parley::detail
