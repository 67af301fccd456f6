#include "src/wire/session/session_incoming_call.h"

#include <utility>

#include "absl/time/clock.h"
#include "src/wire/grpc/convert.h"
#include "src/wire/session/message_block.h"

namespace parley::detail {
namespace {

// Of a name that a client made up, and that many calls may have.
constexpr std::size_t kMostShown = 128;

}  // namespace

SessionIncomingCall::SessionIncomingCall(std::shared_ptr<Dispatcher> dispatcher,
                                         std::shared_ptr<ServerSession> session,
                                         std::string_view method, Dispatcher::Method* found,
                                         absl::Time deadline)
    : IncomingCall(std::move(dispatcher), Machine::Reads::kAlways),
      session_(std::move(session)),
      found_(found) {
  if (found_ == nullptr)
    unknown_ = std::make_unique<const std::string>(method.substr(0, kMostShown));
  set_method(found_ != nullptr ? found_->handler.path : *unknown_);
  set_deadline(deadline);
}

AllocateBlock SessionIncomingCall::allocator() const { return &AllocateMessageBlock; }

void SessionIncomingCall::Deliver(SessionMachine::Event& event, absl::Span<Payload> following) {
  if (event.opened) {
    request_metadata_ = *std::move(event.metadata);
    const bool whole =
        event.message.has_value() && found_ != nullptr && found_->handler.one_request();
    Arrived(found_, std::exchange(event.message, std::nullopt),
            event.status.value_or(absl::OkStatus()));
    if (whole) event.ended = false;
  }
  if (!event.refused.ok()) Cancel(event.refused);
  if (event.message) MessageRead(*std::move(event.message));
  if (!following.empty()) MessagesRead(following);
  if (event.ended) ReadEnded();
  if (event.cancelled) {
    PeerGone(deadline() <= absl::Now()
                 ? absl::DeadlineExceededError("the call's deadline has passed")
                 : absl::CancelledError("the client cancelled the call or is gone"));
  }
}

void SessionIncomingCall::Taken(std::size_t size_bytes, bool empty) {
  if (const std::size_t cost = CountTaken(size_bytes, empty)) session_->Took(*this, cost, empty);
}

void SessionIncomingCall::SendHeaders(std::optional<Metadata> headers) {
  if (headers && !headers->empty()) session_->SetHeaders(*this, *std::move(headers));
}

bool SessionIncomingCall::StartWrite(Payload&& message, Next next) {
  if (next == Next::kClose) return Close(std::move(message));
  SendHeaders(TakeInitialMetadata());
  return session_->Send(*this, std::move(message), false);
}

bool SessionIncomingCall::StartClose() { return Close(std::nullopt); }

bool SessionIncomingCall::Close(std::optional<Payload>&& message) {
  Closing closing = TakeClosing();
  SendHeaders(std::move(closing.initial));
  closing_ = true;
  // If it is said at once, the session has nothing more for this call, and so no news that it was done.
  session_->Finish(*this, std::move(message), std::move(closing.status),
                   std::move(closing.trailing));
  return false;
}

void SessionIncomingCall::Sent() { closing_ ? CloseDone() : WriteDone(true); }

void SessionIncomingCall::CancelWire() {
  session_->Cancel(*this, Ask([](const Machine& machine) { return *machine.final_status(); }));
  CloseDone();
}

}  // namespace parley::detail
