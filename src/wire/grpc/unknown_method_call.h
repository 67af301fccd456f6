// A gRPC call of a method that nobody registered: it is answered with UNIMPLEMENTED and the method's
// name, which gRPC itself would not say. Used by the listener.
#ifndef PARLEY_SRC_WIRE_GRPC_UNKNOWN_METHOD_CALL_H_
#define PARLEY_SRC_WIRE_GRPC_UNKNOWN_METHOD_CALL_H_

#include <grpcpp/generic/async_generic_service.h>

#include <memory>

#include "src/wire/grpc/completion_source.h"

namespace parley::detail {

class Listener;

class UnknownMethodCall final : public std::enable_shared_from_this<UnknownMethodCall> {
 public:
  UnknownMethodCall(Listener& listener, CompletionSource& source)
      : listener_(listener), source_(source) {}

  // Waits for such a call.
  void Await(grpc::AsyncGenericService& service, grpc::ServerCompletionQueue& queue);

 private:
  void OnArrived(bool ok);
  void Answer();
  void OnAnswered(bool) {}

  Listener& listener_;
  CompletionSource& source_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_{&context_};
  OperationOf<UnknownMethodCall, &UnknownMethodCall::OnArrived> arrived_;
  OperationOf<UnknownMethodCall, &UnknownMethodCall::OnAnswered> answered_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_GRPC_UNKNOWN_METHOD_CALL_H_
