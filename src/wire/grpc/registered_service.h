// A server's methods, registered with gRPC as generated code registers its own. Against gRPC's
// generic service, which learns a method's name with each call, this saves an event, a copy of each
// message and three allocations a call (docs/decisions/0007-registered-methods.md). The only file
// that uses gRPC's interface to generated code.
#ifndef PARLEY_SRC_WIRE_GRPC_REGISTERED_SERVICE_H_
#define PARLEY_SRC_WIRE_GRPC_REGISTERED_SERVICE_H_

#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/server_context.h>

#include <string>
#include <vector>

#include "parley/method.h"
#include "src/wire/grpc/message.h"

namespace parley::detail {

class RegisteredService final : public grpc::Service {
 public:
  // `path`: "/package.Service/Method".
  void Add(std::string path, bool one_request) {
    paths_.push_back(std::make_unique<std::string>(std::move(path)));
    // The kind tells gRPC whether to read a message before it reports the call.
    const auto kind = one_request ? grpc::internal::RpcMethod::SERVER_STREAMING
                                  : grpc::internal::RpcMethod::BIDI_STREAMING;
    AddMethod(new grpc::internal::RpcServiceMethod(paths_.back()->c_str(), kind, nullptr));
    MarkMethodRaw(static_cast<int>(paths_.size()) - 1);
  }

  // Waits for a call of the method that was added as number `index`, and its request if it has one.
  void AwaitWithRequest(std::size_t index, grpc::ServerContext& context, Message& request,
                        grpc::internal::ServerAsyncStreamingInterface& stream,
                        grpc::ServerCompletionQueue& queue, void* tag) {
    RequestAsyncServerStreaming(static_cast<int>(index), &context, &request, &stream, &queue,
                                &queue, tag);
  }
  void Await(std::size_t index, grpc::ServerContext& context,
             grpc::internal::ServerAsyncStreamingInterface& stream,
             grpc::ServerCompletionQueue& queue, void* tag) {
    RequestAsyncBidiStreaming(static_cast<int>(index), &context, &stream, &queue, &queue, tag);
  }

 private:
  std::vector<std::unique_ptr<std::string>> paths_;  // gRPC keeps the characters
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_GRPC_REGISTERED_SERVICE_H_
