// The plain wire, server side: one gRPC call.
#ifndef PARLEY_SRC_WIRE_GRPC_PLAIN_INCOMING_CALL_H_
#define PARLEY_SRC_WIRE_GRPC_PLAIN_INCOMING_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "src/exchange/incoming_call.h"
#include "src/wire/grpc/completion_source.h"
#include "src/wire/grpc/message.h"

namespace parley::detail {

class Listener;

// What calls of all kinds do alike.
class PlainIncomingCall : public IncomingCall {
 public:
  PlainIncomingCall(std::shared_ptr<Dispatcher> dispatcher, CompletionSource& source)
      : IncomingCall(std::move(dispatcher)), source_(source) {}

  AllocateBlock allocator() const override { return &AllocateSlice; }
  std::string peer() override { return context_.peer(); }
  std::vector<std::string> PeerIdentities() override;

  // Waits for a call of the listener's method number `index`.
  void Await(Listener& listener, std::size_t index);

 protected:
  virtual void StartAwait(Listener& listener, std::size_t index, void* tag) = 0;

  void CancelWire() override { context_.TryCancel(); }
  const Metadata& ReceivedRequest() override {
    if (!request_metadata_) request_metadata_ = FromGrpcMetadata(context_.client_metadata());
    return *request_metadata_;
  }

  // The request, where it comes with the call.
  virtual std::optional<Payload> ArrivedRequest() { return std::nullopt; }

  // Moves the handler's metadata to gRPC's context: before the first write, and at the close.
  void SetInitialMetadata(const std::optional<Metadata>& initial);
  grpc::Status Close();
  std::shared_ptr<PlainIncomingCall> Self() {
    return std::static_pointer_cast<PlainIncomingCall>(shared_from_this());
  }

  void OnArrived(bool ok);
  void TakeIn();
  void OnWritten(bool ok) { WriteDone(ok); }
  void OnClosed(bool) { CloseDone(); }
  void OnGone(bool);
  // The client cancelled, its connection broke, or time ran out.
  void Lost();

  CompletionSource& source_;
  grpc::ServerContext context_;
  OperationOf<PlainIncomingCall, &PlainIncomingCall::OnWritten> written_;
  OperationOf<PlainIncomingCall, &PlainIncomingCall::OnClosed> closed_;

 private:
  Listener* listener_ = nullptr;
  std::size_t index_ = 0;
  std::optional<Metadata> request_metadata_;  // once somebody has asked
  OperationOf<PlainIncomingCall, &PlainIncomingCall::OnArrived> arrived_;
  OperationOf<PlainIncomingCall, &PlainIncomingCall::OnGone> gone_;
};

// How messages and the final status are sent, on either of gRPC's streams.
template <class Stream>
class PlainSendingCall : public PlainIncomingCall {
 public:
  using PlainIncomingCall::PlainIncomingCall;

 protected:
  bool StartWrite(Payload&& message, Next next) override {
    if (next == Next::kClose) {
      const grpc::Status status = Close();
      stream_.WriteAndFinish({std::move(message)}, grpc::WriteOptions(), status,
                             closed_.Start(source_, Self()));
    } else {
      SetInitialMetadata(TakeInitialMetadata());
      stream_.Write({std::move(message)}, HeldBack(next == Next::kMessage),
                    written_.Start(source_, Self()));
    }
    return false;
  }
  bool StartClose() override {
    const grpc::Status status = Close();
    stream_.Finish(status, closed_.Start(source_, Self()));
    return false;
  }

  Stream stream_{&context_};
};

// Unary and server streaming: the request comes with the call.
class PlainOneRequestCall final : public PlainSendingCall<grpc::ServerAsyncWriter<Message>> {
 public:
  using PlainSendingCall::PlainSendingCall;

 private:
  void StartAwait(Listener& listener, std::size_t index, void* tag) override;
  std::optional<Payload> ArrivedRequest() override { return std::move(arrived_request_.payload); }
  void StartRead() override {}

  Message arrived_request_;
};

// Client streaming and bidi.
class PlainManyRequestsCall final
    : public PlainSendingCall<grpc::ServerAsyncReaderWriter<Message, Message>> {
 public:
  using PlainSendingCall::PlainSendingCall;

 private:
  void StartAwait(Listener& listener, std::size_t index, void* tag) override;
  void StartRead() override;

  void OnRead(bool ok);
  std::shared_ptr<PlainManyRequestsCall> Self() {
    return std::static_pointer_cast<PlainManyRequestsCall>(shared_from_this());
  }

  Message incoming_;
  OperationOf<PlainManyRequestsCall, &PlainManyRequestsCall::OnRead> read_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_GRPC_PLAIN_INCOMING_CALL_H_
