// Guarantee 3: every call has a deadline unless the caller says that it has none, and then the
// server's max_call_duration bounds it; work whose deadline has passed never starts.
#include <atomic>
#include <optional>
#include <string>
#include <thread>

#include "absl/time/clock.h"
#include "tests/call/any_call.h"
#include "tests/call/listening_socket.h"
#include "tests/call/wire_fixture.h"

namespace parley::call_test {
namespace {

constexpr absl::StatusCode kDeadlineExceeded = absl::StatusCode::kDeadlineExceeded;

class Deadline : public EveryKind {
 protected:
  // How much time the handler of a call made with `options` was told that it has.
  absl::Duration SeenByHandler(const CallOptions& options) {
    Slip<absl::Duration> seen;
    Serve([&](Part& part) -> Task<absl::Status> {
      seen.Put(part.context.deadline() - absl::Now());
      co_return absl::OkStatus();
    });
    const Client client = Connect();
    EXPECT_EQ(Open(client, options)->End(), absl::OkStatus());
    const absl::Duration time = seen.Take(absl::ZeroDuration());
    StopServer();
    return time;
  }
};
INSTANTIATE_TEST_SUITE_P(All, Deadline,
                         testing::Combine(testing::ValuesIn(kWires), testing::ValuesIn(kKinds)),
                         NameOf<EveryKind::ParamType>);

// gRPC rounds deadlines on the wire up, to at most a hundredth more.
testing::AssertionResult IsAbout(absl::Duration expected, absl::Duration seen) {
  if (seen > expected - absl::Seconds(20) && seen < 1.02 * expected) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << seen << " instead of " << expected;
}

TEST_P(Deadline, IsAMinuteForOneResponseAndTenForAStreamByDefault) {
  const bool stream = StreamsResponses(kind());
  EXPECT_TRUE(IsAbout(stream ? absl::Minutes(10) : absl::Minutes(1), SeenByHandler({})));
}

TEST_P(Deadline, IsWhatTheCallerSays) {
  EXPECT_TRUE(IsAbout(absl::Minutes(7), SeenByHandler({.timeout = absl::Minutes(7)})));
}

TEST_P(Deadline, OfACallerWithoutOneIsTheServersOwn) {
  EXPECT_TRUE(IsAbout(absl::Hours(1), SeenByHandler({.timeout = absl::InfiniteDuration()})));
}

TEST_P(Deadline, OfTheServersOwnEndsTheCall) {
  server_options.max_call_duration = absl::Milliseconds(200);
  ServeHeldCalls();
  const Client client = Connect();
  const auto call = Open(client, {.timeout = absl::InfiniteDuration()});
  EXPECT_THAT(call->End(), HasCode(kDeadlineExceeded));
  // The handler may not have begun in time on a busy machine; what began was told.
  StopServer();
  EXPECT_EQ(stopped.value(), started.value());
}

TEST_P(Deadline, OfTheServersOwnDoesNotShortenTheCallers) {
  server_options.max_call_duration = absl::Minutes(1);
  EXPECT_TRUE(IsAbout(absl::Minutes(7), SeenByHandler({.timeout = absl::Minutes(7)})));
}

TEST_P(Deadline, ThatHasPassedAlreadyFailsTheCallUnsent) {
  Serve([this](Part&) -> Task<absl::Status> {
    started.Add();
    co_return absl::OkStatus();
  });
  const Client client = Connect();
  for (const absl::Duration timeout :
       {absl::ZeroDuration(), -absl::Seconds(1), -absl::InfiniteDuration()}) {
    const auto call = Open(client, {.timeout = timeout});
    EXPECT_THAT(call->End(), HasCode(kDeadlineExceeded)) << timeout;
  }
  EXPECT_EQ(Open(client)->End(), absl::OkStatus());
  StopServer();
  EXPECT_EQ(started.value(), 1);
}

// One thread, and a handler that has it, keep the call from starting until it is late.
TEST_P(Deadline, ThatPassesInTheQueueKeepsTheHandlerFromStarting) {
  server_options.max_threads = 1;
  server_options.max_blocked_threads = 1;
  Gate may_go_on;
  Counter late;
  Serve([&](Part& part) -> Task<absl::Status> {
    if (part.context.metadata().Get("role") == "blocks") {
      started.Add();
      EXPECT_TRUE(may_go_on.Opens());
    }
    if (part.context.metadata().Get("role") == "late") late.Add();
    co_return absl::OkStatus();
  });
  const Client client = Connect();
  const Metadata blocks = {{"role", "blocks"}};
  const auto blocking = Open(client, {.metadata = &blocks});
  ASSERT_TRUE(started.Reaches(1));
  const Metadata is_late = {{"role", "late"}};
  const auto call = Open(client, {.timeout = absl::Milliseconds(50), .metadata = &is_late});
  EXPECT_THAT(call->End(), HasCode(kDeadlineExceeded));
  // The server counts the timeout from when the call reached it, which is later.
  absl::SleepFor(absl::Milliseconds(500));
  const auto after = Open(client);
  may_go_on.Open();
  EXPECT_EQ(blocking->End(), absl::OkStatus());
  EXPECT_EQ(after->End(), absl::OkStatus());
  StopServer();
  EXPECT_EQ(late.value(), 0);
}

TEST_P(Deadline, IsKeptWhileTheHandlerSleepsOn) {
  Gate may_end;
  Serve([&](Part&) -> Task<absl::Status> {
    EXPECT_TRUE(may_end.Opens());
    co_return absl::OkStatus();
  });
  const Client client = Connect();
  const absl::Time start = absl::Now();
  EXPECT_THAT(Open(client, {.timeout = absl::Milliseconds(200)})->End(),
              HasCode(kDeadlineExceeded));
  const absl::Duration took = absl::Now() - start;
  may_end.Open();
  EXPECT_GE(took, absl::Milliseconds(190));
  EXPECT_LT(took, absl::Seconds(10));
  StopServer();
}

TEST_P(Deadline, AtAnyMomentEndsTheCallOnce) {
  Serve(Echo);
  const Client client = Connect();
  for (int i = 1; i <= 100; ++i) {
    const auto call = Open(client, {.timeout = absl::Microseconds(20 * i)});
    call->Write("request").IgnoreError();
    const absl::Status status = call->End();
    EXPECT_TRUE(status.ok() || status.code() == kDeadlineExceeded) << status;
    if (StreamsResponses(kind())) {
      EXPECT_EQ(call->Finish(), status);
    }
  }
  EXPECT_EQ(Open(client)->End(), absl::OkStatus());
}

class UnconnectedDeadline : public testing::TestWithParam<std::tuple<WireRow, MethodKind>> {
 protected:
  std::unique_ptr<AnyCall> Open(const CallOptions& options) const {
    ClientOptions client;
    client.wire = std::get<0>(GetParam()).wire;
    return AnyCall::Open(Client(silent_.target(), client), std::get<1>(GetParam()), options);
  }

 private:
  const ListeningSocket silent_;
};
INSTANTIATE_TEST_SUITE_P(All, UnconnectedDeadline,
                         testing::Combine(testing::Values(kTcp, kSession),
                                          testing::ValuesIn(kKinds)),
                         NameOf<UnconnectedDeadline::ParamType>);

TEST_P(UnconnectedDeadline, BoundsTheWaitForAConnection) {
  const auto call = Open({.timeout = absl::Milliseconds(200), .wait_for_ready = true});
  EXPECT_THAT(call->End(), HasCode(kDeadlineExceeded));
}

// A peer that is far or busy is no peer that is not there: a first call is not failed meanwhile.
TEST_P(UnconnectedDeadline, IsHowLongACallWaitsForAPeerThatIsSlowToAnswer) {
  const auto call = Open({.timeout = absl::Seconds(1)});
  EXPECT_THAT(call->End(), HasCode(kDeadlineExceeded));
}

// A unary call that blocks: the handler of a local one runs on the caller's own thread.
class BlockingCallsDeadline : public EveryWire {};
INSTANTIATE_TEST_SUITE_P(All, BlockingCallsDeadline, testing::ValuesIn(kWires), NameOf<WireRow>);

TEST_P(BlockingCallsDeadline, StopsTheHandler) {
  Counter stopped;
  server().Register(kUnary, [&](Context& ctx, const std::string&) -> absl::StatusOr<std::string> {
    if (StopRequested(ctx.stop_token())) stopped.Add();
    return "too late";
  });
  Start();
  const Client client = Connect();
  EXPECT_THAT(client.Call(kUnary, "", {.timeout = absl::Milliseconds(300)}).status(),
              HasCode(kDeadlineExceeded));
  // On a busy machine the handler may not have begun in time; nothing may hang then either.
  StopServer();
  EXPECT_LE(stopped.value(), 1);
}

TEST_P(BlockingCallsDeadline, BoundsAHandlerThatHasReturned) {
  std::optional<ServerCall<Unary<std::string, std::string>>> held;
  Gate arrived;
  server().Register(kUnary, [&](ServerCall<Unary<std::string, std::string>> call) {
    held.emplace(std::move(call));
    arrived.Open();
  });
  Start();
  const Client client = Connect();
  EXPECT_THAT(client.Call(kUnary, "", {.timeout = absl::Seconds(1)}).status(),
              HasCode(kDeadlineExceeded));
  EXPECT_TRUE(arrived.Opens());
  held.reset();
}

TEST_P(BlockingCallsDeadline, IsSeenByTheHandler) {
  Slip<absl::Duration> left;
  server().Register(kUnary, [&](Context& ctx, const std::string&) -> absl::StatusOr<std::string> {
    left.Put(ctx.deadline() - absl::Now());
    return "";
  });
  Start();
  const Client client = Connect();
  EXPECT_TRUE(client.Call(kUnary, "", {.timeout = absl::Minutes(7)}).ok());
  EXPECT_TRUE(IsAbout(absl::Minutes(7), left.Take(absl::ZeroDuration())));
  StopServer();
}

}  // namespace
}  // namespace parley::call_test
