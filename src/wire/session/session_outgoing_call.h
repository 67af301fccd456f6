// The client's end of a call on a session.
#ifndef PARLEY_SRC_WIRE_SESSION_SESSION_OUTGOING_CALL_H_
#define PARLEY_SRC_WIRE_SESSION_SESSION_OUTGOING_CALL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "src/exchange/outgoing_call.h"
#include "src/wire/session/client_session.h"

namespace parley::detail {

class SessionOutgoingCall final : public OutgoingCall, public SessionCall {
 public:
  SessionOutgoingCall(std::shared_ptr<Runtime> runtime, CallLimits limits,
                      std::shared_ptr<SessionPool> pool);

  AllocateBlock allocator() const override;
  std::string peer() override;

  // --- For the pool.
  bool waits_for_ready() const { return wait_for_ready_; }
  // Opens the call on `session`. False if the session does not take it, and `opening` is as it was but
  // for the time that is left.
  bool OpenOn(const std::shared_ptr<ClientSession>& session, SessionMachine::Opening& opening);
  // Before anybody can find it among those that wait.
  void WillWait() { is_new_ = false; }
  // It waits for a session under this number, until its deadline. False if it has been cancelled.
  bool Waits(std::uint64_t number);
  // No session can be had.
  void Fail(absl::Status status) { StatusRead(std::move(status)); }

  void Deliver(SessionMachine::Event& event, absl::Span<Payload> following) override;
  void Sent() override { WriteDone(true); }
  void Orphaned(const absl::Status& status, bool seen) override;
  void DeadlinePassed() override { Expire(); }
  absl::Time session_deadline() const override { return deadline(); }

 private:
  void StartOpen(Opening&& opening) override;
  bool StartWrite(Payload&& message, Next next) override;
  bool StartClose() override;
  void CancelWire() override;
  void Taken(std::size_t size_bytes, bool empty) override;
  const Metadata& ReceivedInitial() override { return received_initial_; }
  const Metadata& ReceivedTrailing() override { return received_trailing_; }

  std::shared_ptr<SessionOutgoingCall> Self() {
    return std::static_pointer_cast<SessionOutgoingCall>(shared_from_this());
  }

  const std::shared_ptr<SessionPool> pool_;
  std::shared_ptr<ClientSession> session_;  // changed under the mutex
  bool is_new_ = false;                     // nobody but who opens it can have come to it yet
  std::atomic<bool> given_up_ = false;      // before the session is looked at
  bool watched_ = false;                    // under the mutex
  std::uint64_t waits_as_ = 0;              // under the mutex
  bool one_response_ = false;
  bool wait_for_ready_ = false;
  bool headers_seen_ = false;
  bool message_seen_ = false;
  Metadata received_initial_;
  Metadata received_trailing_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_SESSION_SESSION_OUTGOING_CALL_H_
