// The server's end of a call on a session.
#ifndef PARLEY_SRC_WIRE_SESSION_SESSION_INCOMING_CALL_H_
#define PARLEY_SRC_WIRE_SESSION_SESSION_INCOMING_CALL_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/exchange/incoming_call.h"
#include "src/wire/session/server_session.h"

namespace parley::detail {

class SessionIncomingCall final : public IncomingCall, public SessionCall {
 public:
  SessionIncomingCall(std::shared_ptr<Dispatcher> dispatcher,
                      std::shared_ptr<ServerSession> session, std::string_view method,
                      Dispatcher::Method* found, absl::Time deadline);

  AllocateBlock allocator() const override;
  std::string peer() override { return session_->peer(); }
  std::vector<std::string> PeerIdentities() override { return session_->PeerIdentities(); }

  void Deliver(SessionMachine::Event& event, absl::Span<Payload> following) override;
  void Sent() override;
  void Orphaned(const absl::Status& status, bool) override { PeerGone(status); }
  void DeadlinePassed() override { Expire(); }
  absl::Time session_deadline() const override { return deadline(); }

 private:
  bool StartWrite(Payload&& message, Next next) override;
  bool StartClose() override;
  void CancelWire() override;
  void Taken(std::size_t size_bytes, bool empty) override;
  const Metadata& ReceivedRequest() override { return request_metadata_; }

  bool Close(std::optional<Payload>&& message);
  void SendHeaders(std::optional<Metadata> headers);

  const std::shared_ptr<ServerSession> session_;
  Dispatcher::Method* const found_;
  // The method's name, or its beginning, if nobody has registered it.
  std::unique_ptr<const std::string> unknown_;
  Metadata request_metadata_;
  bool closing_ = false;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_SESSION_SESSION_INCOMING_CALL_H_
