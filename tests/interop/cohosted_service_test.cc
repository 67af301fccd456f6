// Services that grpc_cpp_plugin generated, on the same parley::Server and port as parley's own
// methods. interop_cases_test runs all cases against such services; here is what the two kinds have
// to do with each other.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "interop/generated_services.h"
#include "interop/proto/test.grpc.pb.h"
#include "interop/test_service.h"
#include "parley/client.h"
#include "parley/server.h"

namespace parley_interop {
namespace {

constexpr absl::Duration kLong = absl::Seconds(20);

constexpr parley::Unary<SimpleRequest, SimpleResponse> kOwn{"parley.test.Own/Unary"};

void RegisterOwn(parley::Server& server) {
  server.Register(
      kOwn, [](parley::Context&, const SimpleRequest& request) -> absl::StatusOr<SimpleResponse> {
        SimpleResponse response;
        *response.mutable_payload() = request.payload();
        return response;
      });
}

std::string Address(const parley::Server& server) {
  return absl::StrCat("127.0.0.1:", server.port());
}

template <class Service>
class CohostedService : public testing::Test {
 protected:
  CohostedService() {
    RegisterOwn(server_);
    server_.AddService(service_);
    const absl::Status started = server_.Start("127.0.0.1:0");
    EXPECT_TRUE(started.ok()) << started;
  }

  Service service_;
  parley::Server server_;
};

using Services = testing::Types<SyncTestService, CallbackTestService>;

struct ServiceNames {
  template <class Service>
  static std::string GetName(int) {
    return std::is_same_v<Service, SyncTestService> ? "Sync" : "Callback";
  }
};
TYPED_TEST_SUITE(CohostedService, Services, ServiceNames);

TYPED_TEST(CohostedService, SharesThePortWithParleysMethods) {
  const parley::Client client(Address(this->server_));
  SimpleRequest request;
  request.mutable_payload()->set_body("mine");
  const absl::StatusOr<SimpleResponse> own = client.Call(kOwn, request);
  ASSERT_TRUE(own.ok()) << own.status();
  EXPECT_EQ(own->payload().body(), "mine");

  request.set_response_size(7);
  const absl::StatusOr<SimpleResponse> generated = client.Call(kUnaryCall, request);
  ASSERT_TRUE(generated.ok()) << generated.status();
  EXPECT_EQ(generated->payload().body(), std::string(7, '\0'));
}

TYPED_TEST(CohostedService, IsCalledByAGeneratedStub) {
  const auto stub = grpc::testing::TestService::NewStub(
      grpc::CreateChannel(Address(this->server_), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kLong));
  SimpleRequest request;
  request.set_response_size(7);
  SimpleResponse response;
  const grpc::Status status = stub->UnaryCall(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.payload().body(), std::string(7, '\0'));
}

TYPED_TEST(CohostedService, ParleysHealthServiceIsThereToo) {
  // Of HealthCheckResponse, `status` is field 1 and SERVING is 1.
  constexpr parley::Unary<std::string, std::string> kCheck{"grpc.health.v1.Health/Check"};
  const parley::Client client(Address(this->server_));
  const absl::StatusOr<std::string> response = client.Call(kCheck, "");
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(*response, "\x08\x01");
}

TYPED_TEST(CohostedService, CallsEndWithTheServer) {
  parley::Client client(Address(this->server_));
  auto call = client.Call(kFullDuplexCall, {.timeout = kLong});
  StreamingOutputCallRequest request;
  request.add_response_parameters()->set_size(7);
  ASSERT_TRUE(call.Write(request).ok());
  ASSERT_TRUE(call.Next());

  const absl::Time before = absl::Now();
  const absl::Status stopped = this->server_.Shutdown(absl::Milliseconds(100));
  EXPECT_TRUE(stopped.ok()) << stopped;
  EXPECT_LT(absl::Now() - before, absl::Seconds(10));
  EXPECT_FALSE(call.Next());
  EXPECT_FALSE(call.Finish().ok());
}

// Nothing would ask `authorize` before a generated service's methods run.
TYPED_TEST(CohostedService, DoesNotGoWithAuthorize) {
  parley::ServerOptions options;
  options.authorize = [](const parley::CallInfo&) { return absl::OkStatus(); };
  TypeParam service;
  parley::Server server(std::move(options));
  server.AddService(service);
  EXPECT_EQ(server.Start("127.0.0.1:0").code(), absl::StatusCode::kFailedPrecondition);
}

TEST(CohostedServices, OfBothKindsShareOneServer) {
  // Two services must differ in their names, so the second one is another of test.proto's.
  class Other final : public grpc::testing::UnimplementedService::CallbackService {
    grpc::ServerUnaryReactor* UnimplementedCall(grpc::CallbackServerContext* context, const Empty*,
                                                Empty*) override {
      grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
      reactor->Finish(grpc::Status::OK);
      return reactor;
    }
  };
  SyncTestService one;
  Other other;
  parley::Server server;
  RegisterOwn(server);
  server.AddService(one);
  server.AddService(other);
  ASSERT_EQ(server.Start("127.0.0.1:0"), absl::OkStatus());
  const parley::Client client(Address(server));
  EXPECT_TRUE(client.Call(kOwn, SimpleRequest()).ok());
  EXPECT_TRUE(client.Call(kEmptyCall, Empty()).ok());
  EXPECT_TRUE(client.Call(kUnimplementedService, Empty()).ok());
  EXPECT_EQ(client.Call(kUnimplementedMethod, Empty()).status().code(),
            absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace parley_interop
