// The server's end of a session: a gRPC stream that a client has opened.
#ifndef PARLEY_SRC_WIRE_SESSION_SERVER_SESSION_H_
#define PARLEY_SRC_WIRE_SESSION_SERVER_SESSION_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>

#include <memory>
#include <string>
#include <vector>

#include "src/exchange/dispatcher.h"
#include "src/wire/grpc/message.h"
#include "src/wire/session/session.h"

namespace parley::detail {

class Listener;

class ServerSession final : public Session {
 public:
  static std::shared_ptr<ServerSession> Make(Listener& listener,
                                             std::shared_ptr<Dispatcher> dispatcher,
                                             CompletionSource& source);

  // Waits for a client that opens a session, as the listener's method number `index`.
  void Await(std::size_t index);
  using Session::Start;
  // In place of Start.
  void Refuse(absl::Status status) { EndStream(std::move(status)); }
  // Takes no more calls, and ends once there are none.
  using Session::Drain;

  // --- For calls.
  std::string peer() override { return context_.peer(); }
  std::vector<std::string> PeerIdentities();

 private:
  struct Lanes;
  ServerSession(Listener& listener, std::shared_ptr<Dispatcher> dispatcher,
                CompletionSource& source, std::shared_ptr<Lanes> lanes);

  void StartRead() override { stream_.Read(&incoming_, read_.Start(source_, Self())); }
  void StartWrite(Payload batch) override {
    stream_.Write({std::move(batch)}, written_.Start(source_, Self()));
  }
  void StartEnd(const absl::Status& status) override;
  void Abort() override { context_.TryCancel(); }
  void StreamOver() override;

  void OnArrived(bool ok);
  void OnRead(bool ok);
  void OnWritten(bool ok) { Written(ok); }
  void OnEnded(bool) { Ended(); }

  std::shared_ptr<ServerSession> Self() {
    return std::static_pointer_cast<ServerSession>(shared_from_this());
  }

  Listener& listener_;  // until the stream is over
  const std::shared_ptr<Lanes> lanes_;
  grpc::ServerContext context_;
  grpc::ServerAsyncReaderWriter<Message, Message> stream_{&context_};
  Message incoming_;
  OperationOf<ServerSession, &ServerSession::OnArrived> arrived_;
  OperationOf<ServerSession, &ServerSession::OnRead> read_;
  OperationOf<ServerSession, &ServerSession::OnWritten> written_;
  OperationOf<ServerSession, &ServerSession::OnEnded> ended_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_SESSION_SERVER_SESSION_H_
