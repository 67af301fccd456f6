// Peers whose process is killed in the middle of calls: a server's handlers learn of it and the
// server goes on, a client's calls end with UNAVAILABLE.
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/bad_input/process.h"
#include "tests/call/any_call.h"
#include "tests/call/wire_fixture.h"

namespace parley::bad_input_test {
namespace {

using call_test::AnyCall;
using call_test::Counter;
using call_test::EveryKind;
using call_test::HasCode;
using call_test::kKinds;
using call_test::kSocketWires;
using call_test::NameOf;
using call_test::Part;
using call_test::StreamsRequests;
using call_test::StreamsResponses;

class LostClient : public EveryKind {
 protected:
  Counter messages_;
  std::atomic<bool> lost_ = true;  // the first call's client
};
INSTANTIATE_TEST_SUITE_P(All, LostClient,
                         testing::Combine(testing::ValuesIn(kSocketWires),
                                          testing::ValuesIn(kKinds)),
                         NameOf<EveryKind::ParamType>);

TEST_P(LostClient, StopsItsHandlerAndTheServerGoesOn) {
  Serve([&](Part& part) -> Task<absl::Status> {
    if (!lost_) co_return absl::AlreadyExistsError("served");
    started.Add();
    absl::Status status;
    if (StreamsRequests(kind())) {
      while (std::optional<std::string> request = co_await part.Next()) {
        messages_.Add();
        if (StreamsResponses(kind())) status = co_await part.Write(*request);
      }
      EXPECT_FALSE(part.read_status().ok()) << "an upload that was cut is not complete";
    } else if (StreamsResponses(kind())) {
      for (status = absl::OkStatus(); status.ok();) {
        messages_.Add();
        status = co_await part.Write(std::string(1000, 'x'));
      }
      EXPECT_FALSE(status.ok());
    }
    if (co_await part.Stopped()) stopped.Add();
    co_return absl::OkStatus();
  });
  Process client({PARLEY_TEST_LOST_PEER, "call", target(), absl::StrCat(static_cast<int>(kind()))});
  ASSERT_TRUE(started.Reaches(1));
  const bool streams = kind() != MethodKind::kUnary;
  EXPECT_TRUE(!streams || messages_.Reaches(20));
  client.Kill();
  EXPECT_TRUE(stopped.Reaches(1));
  lost_ = false;
  EXPECT_EQ(Open(Connect())->End(), absl::AlreadyExistsError("served"));
}

class LostServer : public testing::TestWithParam<MethodKind> {};
INSTANTIATE_TEST_SUITE_P(All, LostServer, testing::ValuesIn(kKinds), NameOf<MethodKind>);

TEST_P(LostServer, EndsItsCallsWithUnavailable) {
  Process server({PARLEY_TEST_LOST_PEER, "serve"});
  const Client client(absl::StrCat("127.0.0.1:", server.ReadLine()));
  // Once there is a connection, a call that was made is on its way.
  const auto connected = AnyCall::Open(client, MethodKind::kBidi);
  EXPECT_TRUE(connected->Next());
  ASSERT_EQ(server.ReadLine(), "started");
  std::vector<std::unique_ptr<AnyCall>> calls;
  for (int i = 0; i < 5; ++i) {
    calls.push_back(AnyCall::Open(client, GetParam()));
    ASSERT_EQ(server.ReadLine(), "started");
    EXPECT_EQ(calls.back()->Next().has_value(), StreamsResponses(GetParam()));
  }
  server.Kill();
  for (const auto& call : calls) {
    const absl::Status status = call->End();
    EXPECT_THAT(status, HasCode(absl::StatusCode::kUnavailable));
    EXPECT_FALSE(status.message().empty());
  }
  EXPECT_THAT(AnyCall::Open(client, GetParam())->End(), HasCode(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace parley::bad_input_test
