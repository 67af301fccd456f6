// The client's end of a session: a gRPC stream on one of the client's connections.
#ifndef PARLEY_SRC_WIRE_SESSION_CLIENT_SESSION_H_
#define PARLEY_SRC_WIRE_SESSION_CLIENT_SESSION_H_

#include <grpcpp/client_context.h>

#include <memory>
#include <string>

#include "src/wire/grpc/registered_method.h"
#include "src/wire/session/session.h"

namespace parley::detail {

class SessionPool;

class ClientSession final : public Session {
 public:
  ClientSession(std::weak_ptr<SessionPool> pool, std::shared_ptr<Runtime> runtime,
                CompletionSource& source, SessionMachine::Limits limits, absl::Duration patience);

  // Once: opens the stream. `method` and `metadata` only until it returns.
  void Open(const RegisteredMethod& method, const Metadata& metadata);
  using Session::Open;
  // Ends the stream after its last call.
  void Leave() { LeaveWhenIdle(); }
  // The same, and takes no more calls.
  using Session::Retire;

  // --- For calls.
  std::string peer() override { return context_.peer(); }

 private:
  void StartRead() override { stream_->Read(&incoming_, read_.Start(source_, Self())); }
  void StartWrite(Payload batch) override {
    stream_->Write({std::move(batch)}, written_.Start(source_, Self()));
  }
  void StartEnd(const absl::Status& status) override;
  void Abort() override { context_.TryCancel(); }
  void StreamOver() override;
  void HasRoom() override;
  void DeliverOwn(SessionMachine::Event& event) override;

  void OnRead(bool ok);
  void OnWritten(bool ok) { Written(ok); }
  void OnClosed(bool) { Ended(); }
  void OnFinished(bool);

  std::shared_ptr<ClientSession> Self() {
    return std::static_pointer_cast<ClientSession>(shared_from_this());
  }

  const std::weak_ptr<SessionPool> pool_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<Message, Message>> stream_;
  Message incoming_;
  grpc::Status status_;
  absl::Status broken_;   // why this end gave up
  bool drained_ = false;  // the server has asked for the end, and waits for it
  OperationOf<ClientSession, &ClientSession::OnRead> read_;
  OperationOf<ClientSession, &ClientSession::OnWritten> written_;
  OperationOf<ClientSession, &ClientSession::OnClosed> closed_;
  OperationOf<ClientSession, &ClientSession::OnFinished> finished_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_SESSION_CLIENT_SESSION_H_
