// The plain wire, server side: one gRPC call.
#ifndef PARLEY_SRC_WIRE_GRPC_PLAIN_INCOMING_CALL_H_
#define PARLEY_SRC_WIRE_GRPC_PLAIN_INCOMING_CALL_H_

#include <grpcpp/alarm.h>
#include <grpcpp/generic/async_generic_service.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "src/exchange/incoming_call.h"
#include "src/wire/grpc/completion_source.h"
#include "src/wire/grpc/convert.h"

namespace parley::detail {

class Listener;

class PlainIncomingCall final : public IncomingCall {
 public:
  PlainIncomingCall(std::shared_ptr<Dispatcher> dispatcher, CallLimits limits,
                    CompletionSource& source);

  // Waits for a call that `service` of `listener` gets.
  void Await(Listener& listener, grpc::AsyncGenericService& service,
             grpc::ServerCompletionQueue& queue);

  AllocateBlock allocator() const override { return &AllocateSlice; }
  std::string peer() override { return context_.peer(); }
  std::vector<std::string> PeerIdentities() override;

 private:
  void StartRead() override;
  void StartWrite(Payload message, bool close) override;
  void StartClose() override;
  void CancelWire() override { context_.TryCancel(); }
  Metadata CopyRequestMetadata() override { return FromGrpcMetadata(context_.client_metadata()); }

  void OnArrived(bool ok);
  void OnRead(bool ok);
  void OnProbed(bool ok);
  void OnWritten(bool ok);
  void OnClosed(bool ok);
  void OnGone(bool ok);

  // Finds out whether the client closed its side or was cut off, which a read that fails does not
  // tell.
  void Probe();
  void SetInitialMetadata();
  grpc::Status TakeClosing();
  std::shared_ptr<PlainIncomingCall> Self();

  Listener* listener_ = nullptr;
  CompletionSource& source_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_{&context_};
  grpc::ByteBuffer incoming_;
  // The probe and the first write would both send the initial metadata.
  std::mutex sending_;
  std::unique_ptr<grpc::Alarm> alarm_;

  OperationOf<PlainIncomingCall, &PlainIncomingCall::OnArrived> arrived_;
  OperationOf<PlainIncomingCall, &PlainIncomingCall::OnRead> read_;
  OperationOf<PlainIncomingCall, &PlainIncomingCall::OnProbed> probed_;
  OperationOf<PlainIncomingCall, &PlainIncomingCall::OnWritten> written_;
  OperationOf<PlainIncomingCall, &PlainIncomingCall::OnClosed> closed_;
  OperationOf<PlainIncomingCall, &PlainIncomingCall::OnGone> gone_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_GRPC_PLAIN_INCOMING_CALL_H_
