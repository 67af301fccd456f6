// Methods registered with gRPC as generated code registers its own, on both sides. Against gRPC's
// generic stub and service, which learn a method's name with each call, this saves an event, a copy
// of each message and four allocations a call (docs/decisions/0007-registered-methods.md). The only
// file that uses gRPC's interface to generated code.
#ifndef PARLEY_SRC_WIRE_GRPC_REGISTERED_METHOD_H_
#define PARLEY_SRC_WIRE_GRPC_REGISTERED_METHOD_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/impl/rpc_method.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/async_unary_call.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "parley/method.h"
#include "src/wire/grpc/message.h"

namespace parley::detail {

// A client's method on one channel.
class RegisteredMethod {
 public:
  // `path`: "/package.Service/Method".
  RegisteredMethod(std::string path, std::shared_ptr<grpc::Channel> channel)
      : path_(std::move(path)), channel_(std::move(channel)) {}

  std::unique_ptr<grpc::ClientAsyncResponseReader<Message>> PrepareUnary(
      grpc::ClientContext& context, const Message& request, grpc::CompletionQueue& queue) const {
    return std::unique_ptr<grpc::ClientAsyncResponseReader<Message>>(
        grpc::internal::ClientAsyncResponseReaderHelper::Create<Message>(
            channel_.get(), &queue, method_, &context, request));
  }
  std::unique_ptr<grpc::ClientAsyncReaderWriter<Message, Message>> PrepareStream(
      grpc::ClientContext& context, grpc::CompletionQueue& queue) const {
    return std::unique_ptr<grpc::ClientAsyncReaderWriter<Message, Message>>(
        grpc::internal::ClientAsyncReaderWriterFactory<Message, Message>::Create(
            channel_.get(), &queue, method_, &context, false, nullptr));
  }

 private:
  const std::string path_;  // gRPC keeps the characters
  const std::shared_ptr<grpc::Channel> channel_;
  const grpc::internal::RpcMethod method_{path_.c_str(), grpc::internal::RpcMethod::BIDI_STREAMING,
                                          channel_};
};

// A server's methods.
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

#endif  // PARLEY_SRC_WIRE_GRPC_REGISTERED_METHOD_H_
