// Messages over max_message_bytes, over every wire, kind of method and direction:
// RESOURCE_EXHAUSTED with both numbers, from whoever sees it first. A write that is refused leaves
// the call as it was, and exactly the limit passes.
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/call/any_call.h"
#include "tests/call/wire_fixture.h"

namespace parley::bad_input_test {
namespace {

using call_test::Echo;
using call_test::EveryKind;
using call_test::HasCode;
using call_test::IsStatus;
using call_test::kKinds;
using call_test::kUnary;
using call_test::kWires;
using call_test::NameOf;
using call_test::Part;
using call_test::Slip;
using call_test::StreamsRequests;
using call_test::StreamsResponses;
using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::SizeIs;

constexpr absl::StatusCode kExhausted = absl::StatusCode::kResourceExhausted;
constexpr std::size_t kLimit = 1000;
const std::string kFits(kLimit, 'f');
const std::string kTooLarge(kLimit + 1, 'l');

MATCHER(SaysBothNumbers, "") {
  return testing::ExplainMatchResult(
      IsStatus(kExhausted, AllOf(HasSubstr("1001"), HasSubstr("1000"))), arg, result_listener);
}

class MessageSize : public EveryKind {};
INSTANTIATE_TEST_SUITE_P(All, MessageSize,
                         testing::Combine(testing::ValuesIn(kWires), testing::ValuesIn(kKinds)),
                         NameOf<EveryKind::ParamType>);

TEST_P(MessageSize, OfARequestIsRefusedAtTheClientAndAStreamGoesOn) {
  Serve([this](Part& part) -> Task<absl::Status> {
    started.Add();
    absl::Status status = co_await Echo(part);
    co_return status;
  });
  ClientOptions options;
  options.max_message_bytes = kLimit;
  const Client client = Connect(options);
  const auto call = call_test::AnyCall::Open(client, kind(), {}, kTooLarge);
  if (!StreamsRequests(kind())) {
    EXPECT_EQ(call->End(), absl::ResourceExhaustedError(
                               "a request of 1001 bytes is over the limit of 1000 bytes "
                               "(max_message_bytes)"));
    EXPECT_EQ(started.value(), 0);
  } else {
    EXPECT_EQ(call->Write("before"), absl::OkStatus());
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(call->Write(kTooLarge),
                absl::ResourceExhaustedError("a message of 1001 bytes is over the limit of 1000 "
                                             "bytes (max_message_bytes)"));
    }
    EXPECT_EQ(call->Write(kFits), absl::OkStatus());
    EXPECT_EQ(call->End(), absl::OkStatus());
    ASSERT_FALSE(call->responses.empty());
    EXPECT_EQ(call->responses.back(), kFits);
    EXPECT_THAT(call->responses, SizeIs(StreamsResponses(kind()) ? 2 : 1));
  }
}

TEST_P(MessageSize, OfARequestIsRefusedAtTheServer) {
  server_options.max_message_bytes = kLimit;
  Serve([this](Part& part) -> Task<absl::Status> {
    started.Add();
    while (co_await part.Next()) {
    }
    EXPECT_FALSE(part.read_status().ok());
    if (co_await part.Stopped()) stopped.Add();
    co_return absl::OkStatus();
  });
  const Client client = Connect();
  const auto call = call_test::AnyCall::Open(client, kind(), {}, kTooLarge);
  EXPECT_EQ(call->Write("before"), absl::OkStatus());
  // A call that is over before its handler starts never starts it.
  EXPECT_TRUE(!StreamsRequests(kind()) || started.Reaches(1));
  call->Write(kTooLarge).IgnoreError();  // whether it is known yet that the call is over, or not
  const absl::Status status = call->End();
  EXPECT_THAT(status, SaysBothNumbers()) << status;
  if (StreamsRequests(kind())) {
    EXPECT_TRUE(stopped.Reaches(1));
  } else {
    EXPECT_EQ(started.value(), 0);
  }
}

TEST_P(MessageSize, OfAResponseIsRefusedAtTheServerAndAStreamGoesOn) {
  server_options.max_message_bytes = kLimit;
  Serve([this](Part& part) -> Task<absl::Status> {
    absl::Status written = co_await part.Write(kTooLarge);
    if (!StreamsResponses(kind())) co_return written;
    EXPECT_THAT(written, SaysBothNumbers());
    written = co_await part.Write(kFits);
    co_return written;
  });
  const Client client = Connect();
  const auto call = Open(client);
  const absl::Status status = call->End();
  if (StreamsResponses(kind())) {
    EXPECT_EQ(status, absl::OkStatus());
    EXPECT_THAT(call->responses, testing::ElementsAre(kFits));
  } else {
    EXPECT_EQ(status, absl::ResourceExhaustedError("a message of 1001 bytes is over the limit of "
                                                   "1000 bytes (max_message_bytes)"));
  }
}

TEST_P(MessageSize, OfAResponseIsRefusedAtTheClient) {
  Serve([this](Part& part) -> Task<absl::Status> {
    absl::Status written = co_await part.Write(kFits);
    if (written.ok()) written = co_await part.Write(kTooLarge);
    // Of a stream, that ends the call.
    if (StreamsResponses(kind()) && co_await part.Stopped()) stopped.Add();
    co_return written;
  });
  ClientOptions options;
  options.max_message_bytes = kLimit;
  const Client client = Connect(options);
  const auto call = Open(client);
  const absl::Status status = call->End();
  EXPECT_THAT(status, SaysBothNumbers()) << status;
  if (StreamsResponses(kind())) {
    EXPECT_THAT(call->responses, testing::ElementsAre(kFits));
    EXPECT_TRUE(stopped.Reaches(1));
  }
}

TEST_P(MessageSize, OfExactlyTheLimitPassesEveryCheck) {
  server_options.max_message_bytes = kLimit;
  Serve(Echo);
  ClientOptions options;
  options.max_message_bytes = kLimit;
  const Client client = Connect(options);
  const auto call = call_test::AnyCall::Open(client, kind(), {}, kFits);
  EXPECT_EQ(call->Write(kFits), absl::OkStatus());
  EXPECT_EQ(call->End(), absl::OkStatus());
  EXPECT_THAT(call->responses, testing::ElementsAre(kFits));
}

// Far over gRPC's own limit of 4 MB.
TEST_P(MessageSize, OfTwentyMegabytesPassesWhereTheLimitsAllowIt) {
  constexpr std::size_t kLarge = 20'000'000;
  server_options.max_message_bytes = kLarge;
  Serve(Echo);
  ClientOptions options;
  options.max_message_bytes = kLarge;
  const Client client = Connect(options);
  std::string large(kLarge, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 7 >> 3);
  const auto call = call_test::AnyCall::Open(client, kind(), {}, large);
  EXPECT_EQ(call->Write(large), absl::OkStatus());
  EXPECT_EQ(call->End(), absl::OkStatus());
  ASSERT_THAT(call->responses, SizeIs(1));
  EXPECT_TRUE(call->responses[0] == large);
}

// A client that knows of no limit and is no parley.
TEST(MessageSizeOfAForeignClient, IsRefusedAtTheServer) {
  ServerOptions server_options;
  server_options.max_message_bytes = kLimit;
  Server server(server_options);
  server.Register(kUnary, [](Context&, const std::string& request) {
    EXPECT_EQ(request, kFits);
    return absl::StatusOr<std::string>("taken");
  });
  ASSERT_EQ(server.Start("127.0.0.1:0"), absl::OkStatus());
  grpc::GenericStub stub(grpc::CreateChannel(absl::StrCat("127.0.0.1:", server.port()),
                                             grpc::InsecureChannelCredentials()));
  const auto call = [&](const std::string& message) {
    const grpc::Slice slice(message);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::ClientContext context;
    Slip<grpc::Status> ended;
    stub.UnaryCall(&context, absl::StrCat("/", std::string(kUnary.path)), {}, &request, &response,
                   [&](grpc::Status status) { ended.Put(std::move(status)); });
    return ended.Take(grpc::Status::OK);
  };
  for (const std::size_t size : {kLimit + 1, std::size_t{5'000'000}}) {
    const grpc::Status status = call(std::string(size, 'l'));
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_THAT(status.error_message(), AllOf(HasSubstr(absl::StrCat(size)), HasSubstr("1000")));
  }
  EXPECT_TRUE(call(kFits).ok());
}

}  // namespace
}  // namespace parley::bad_input_test
