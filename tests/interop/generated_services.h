// grpc.testing.TestService on the classes that grpc_cpp_plugin generates, once with the synchronous
// API and once with callbacks, without any of parley: what parley's client is pointed at, and what
// a parley::Server hosts beside its own methods.
#ifndef PARLEY_TESTS_INTEROP_GENERATED_SERVICES_H_
#define PARLEY_TESTS_INTEROP_GENERATED_SERVICES_H_

#include <grpcpp/grpcpp.h>

#include "interop/proto/test.grpc.pb.h"

namespace parley_interop {

// Threads: gRPC calls it from many.
class SyncTestService final : public grpc::testing::TestService::Service {
 public:
  grpc::Status EmptyCall(grpc::ServerContext* context, const grpc::testing::Empty* request,
                         grpc::testing::Empty* response) override;
  grpc::Status UnaryCall(grpc::ServerContext* context, const grpc::testing::SimpleRequest* request,
                         grpc::testing::SimpleResponse* response) override;
  grpc::Status StreamingOutputCall(
      grpc::ServerContext* context, const grpc::testing::StreamingOutputCallRequest* request,
      grpc::ServerWriter<grpc::testing::StreamingOutputCallResponse>* writer) override;
  grpc::Status StreamingInputCall(
      grpc::ServerContext* context,
      grpc::ServerReader<grpc::testing::StreamingInputCallRequest>* reader,
      grpc::testing::StreamingInputCallResponse* response) override;
  grpc::Status FullDuplexCall(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<grpc::testing::StreamingOutputCallResponse,
                               grpc::testing::StreamingOutputCallRequest>* stream) override;
};

// Threads: gRPC calls it from many.
class CallbackTestService final : public grpc::testing::TestService::CallbackService {
 public:
  grpc::ServerUnaryReactor* EmptyCall(grpc::CallbackServerContext* context,
                                      const grpc::testing::Empty* request,
                                      grpc::testing::Empty* response) override;
  grpc::ServerUnaryReactor* UnaryCall(grpc::CallbackServerContext* context,
                                      const grpc::testing::SimpleRequest* request,
                                      grpc::testing::SimpleResponse* response) override;
  grpc::ServerWriteReactor<grpc::testing::StreamingOutputCallResponse>* StreamingOutputCall(
      grpc::CallbackServerContext* context,
      const grpc::testing::StreamingOutputCallRequest* request) override;
  grpc::ServerReadReactor<grpc::testing::StreamingInputCallRequest>* StreamingInputCall(
      grpc::CallbackServerContext* context,
      grpc::testing::StreamingInputCallResponse* response) override;
  grpc::ServerBidiReactor<grpc::testing::StreamingOutputCallRequest,
                          grpc::testing::StreamingOutputCallResponse>*
  FullDuplexCall(grpc::CallbackServerContext* context) override;
};

}  // namespace parley_interop

#endif  // PARLEY_TESTS_INTEROP_GENERATED_SERVICES_H_
