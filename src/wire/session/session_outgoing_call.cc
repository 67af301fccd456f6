#include "src/wire/session/session_outgoing_call.h"

#include <utility>

#include "absl/time/clock.h"
#include "src/wire/grpc/convert.h"
#include "src/wire/session/message_block.h"
#include "src/wire/session/session_pool.h"

namespace parley::detail {
namespace {

// 0 is for none, so the shortest is 1.
std::uint64_t TimeoutUs(absl::Duration timeout) {
  if (timeout == absl::InfiniteDuration()) return 0;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(absl::ToInt64Microseconds(timeout), 1));
}

}  // namespace

SessionOutgoingCall::SessionOutgoingCall(std::shared_ptr<Runtime> runtime, CallLimits limits,
                                         std::shared_ptr<SessionPool> pool)
    : OutgoingCall(std::move(runtime), limits, Machine::Reads::kAlways), pool_(std::move(pool)) {}

AllocateBlock SessionOutgoingCall::allocator() const { return &AllocateMessageBlock; }

std::string SessionOutgoingCall::peer() {
  std::unique_lock lock(mutex_);
  return session_ == nullptr ? std::string() : session_->peer();
}

void SessionOutgoingCall::StartOpen(Opening&& opening) {
  one_response_ =
      opening.kind == MethodKind::kUnary || opening.kind == MethodKind::kClientStreaming;
  wait_for_ready_ = opening.wait_for_ready;
  is_new_ = !follows_parent();
  pool_->Place(
      {Self(),
       {method(), TimeoutUs(opening.timeout), opening.metadata, std::move(opening.request)}});
}

bool SessionOutgoingCall::OpenOn(const std::shared_ptr<ClientSession>& session,
                                 SessionMachine::Opening& opening) {
  if (is_new_) {
    session_ = session;
  } else {
    std::unique_lock lock(mutex_);
    if (given_up_) return true;
    session_ = session;
    waits_as_ = 0;
    lock.unlock();
    opening.timeout_us = TimeoutUs(deadline() - absl::Now());
  }
  const bool streams = !opening.request.has_value();
  if (!session->Open(Self(), opening)) return false;
  if (given_up_) session->Cancel(*this);  // since, and it was not there yet
  if (streams) WriteDone(true);
  return true;
}

bool SessionOutgoingCall::Waits(std::uint64_t number) {
  std::unique_lock lock(mutex_);
  waits_as_ = number;
  if (given_up_) return false;
  const bool watched = std::exchange(watched_, true);
  lock.unlock();
  if (!watched) WatchDeadline();  // as a session does for the calls that it has
  return true;
}

bool SessionOutgoingCall::StartWrite(Payload&& message, Next next) {
  return session_->Send(*this, std::move(message), next == Next::kClose);
}

bool SessionOutgoingCall::StartClose() {
  session_->End(*this);
  return true;
}

void SessionOutgoingCall::CancelWire() {
  std::shared_ptr<ClientSession> session;
  std::uint64_t waits_as = 0;
  given_up_ = true;
  {
    std::unique_lock lock(mutex_);
    session = session_;
    waits_as = waits_as_;
  }
  if (session != nullptr) session->Cancel(*this);
  if (waits_as != 0) pool_->Forget(waits_as);
}

void SessionOutgoingCall::Deliver(SessionMachine::Event& event, absl::Span<Payload> following) {
  // Once, and before all messages: later somebody may be looking at it.
  if (event.metadata && !message_seen_ && !std::exchange(headers_seen_, true)) {
    received_initial_ = *std::move(event.metadata);
    HeadersRead();
  }
  if (event.status) received_trailing_ = std::move(event.trailing);
  if (!event.refused.ok()) Refuse(event.refused);
  if (event.status && one_response_ && !message_seen_) {
    return Completed(std::move(event.message), *std::move(event.status));
  }
  if (event.message) {
    message_seen_ = true;
    MessageRead(*std::move(event.message));
  }
  if (!following.empty()) {
    message_seen_ = true;
    MessagesRead(following);
  }
  if (event.status) StatusRead(*std::move(event.status));
}

void SessionOutgoingCall::Orphaned(const absl::Status& status, bool seen) {
  if (seen || !SessionMachine::CanReopen(*this)) return StatusRead(status);
  is_new_ = false;
  pool_->Place({Self(), SessionMachine::TakeOpening(*this)});
}

void SessionOutgoingCall::Taken(std::size_t size_bytes, bool empty) {
  if (one_response_) return;  // the call is over with it
  if (const std::size_t cost = CountTaken(size_bytes, empty)) session_->Took(*this, cost, empty);
}

}  // namespace parley::detail
