// grpc.testing.TestService, gRPC's interoperability service, as a parley contract, and parley's
// implementation of it. For the interop server and client and for the tests against C++ code that
// protoc generates.
#ifndef PARLEY_TESTS_INTEROP_TEST_SERVICE_H_
#define PARLEY_TESTS_INTEROP_TEST_SERVICE_H_

#include <string_view>

#include "interop/proto/empty.pb.h"
#include "interop/proto/messages.pb.h"
#include "parley/method.h"
#include "parley/server.h"

namespace parley_interop {

using grpc::testing::Empty;
using grpc::testing::SimpleRequest;
using grpc::testing::SimpleResponse;
using grpc::testing::StreamingInputCallRequest;
using grpc::testing::StreamingInputCallResponse;
using grpc::testing::StreamingOutputCallRequest;
using grpc::testing::StreamingOutputCallResponse;

inline constexpr parley::Unary<Empty, Empty> kEmptyCall{"grpc.testing.TestService/EmptyCall"};
inline constexpr parley::Unary<SimpleRequest, SimpleResponse> kUnaryCall{
    "grpc.testing.TestService/UnaryCall"};
inline constexpr parley::ServerStreaming<StreamingOutputCallRequest, StreamingOutputCallResponse>
    kStreamingOutputCall{"grpc.testing.TestService/StreamingOutputCall"};
inline constexpr parley::ClientStreaming<StreamingInputCallRequest, StreamingInputCallResponse>
    kStreamingInputCall{"grpc.testing.TestService/StreamingInputCall"};
inline constexpr parley::Bidi<StreamingOutputCallRequest, StreamingOutputCallResponse>
    kFullDuplexCall{"grpc.testing.TestService/FullDuplexCall"};

// No server has these.
inline constexpr parley::Unary<Empty, Empty> kUnimplementedMethod{
    "grpc.testing.TestService/UnimplementedCall"};
inline constexpr parley::Unary<Empty, Empty> kUnimplementedService{
    "grpc.testing.UnimplementedService/UnimplementedCall"};

// A server sends what it gets under the first back in the initial metadata, under the second in the
// trailing metadata.
inline constexpr std::string_view kEchoInitial = "x-grpc-test-echo-initial";
inline constexpr std::string_view kEchoTrailing = "x-grpc-test-echo-trailing-bin";

// Registers the service's methods, as plain handlers.
void RegisterTestService(parley::Server& server);

}  // namespace parley_interop

#endif  // PARLEY_TESTS_INTEROP_TEST_SERVICE_H_
