// Guarantee 4: a call may be cancelled from any thread at any time, any number of times, before it
// has started and after it has ended.
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/call/any_call.h"
#include "tests/call/listening_socket.h"
#include "tests/call/wire_fixture.h"

namespace parley::call_test {
namespace {

constexpr absl::StatusCode kCancelled = absl::StatusCode::kCancelled;

class CancelAnyCall : public EveryKind {};
INSTANTIATE_TEST_SUITE_P(All, CancelAnyCall,
                         testing::Combine(testing::ValuesIn(kWires), testing::ValuesIn(kKinds)),
                         NameOf<EveryKind::ParamType>);

TEST_P(CancelAnyCall, RightAfterItWasMade) {
  Serve(Echo);
  const Client client = Connect();
  for (int i = 0; i < 100; ++i) {
    const auto call = Open(client);
    call->Cancel();
    call->Cancel();
    // The handler may have been quicker.
    const absl::Status status = call->End();
    EXPECT_TRUE(status.code() == kCancelled || status.ok()) << status;
  }
  EXPECT_EQ(Open(client)->End(), absl::OkStatus());
}

TEST_P(CancelAnyCall, FromManyThreadsAtAnyMoment) {
  Serve(Echo);
  const Client client = Connect();
  for (int i = 0; i < 100; ++i) {
    const std::shared_ptr<AnyCall> call = Open(client);
    // Dropping a pending result, which is how a unary call is cancelled, is for one thread alone.
    const int cancellers = kind() == MethodKind::kUnary ? 0 : 3;
    std::vector<std::thread> threads;
    for (int t = 0; t < cancellers; ++t) {
      threads.emplace_back([call, spins = 40 * (i % 25) + t] {
        for (int spin = 0; spin < spins; ++spin) std::this_thread::yield();
        call->Cancel();
      });
    }
    call->Write("request").IgnoreError();
    const absl::Status status = call->End();
    EXPECT_TRUE(status.ok() || status.code() == kCancelled) << status;
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(Open(client)->End(), absl::OkStatus());
}

// A handler that does not look at its stop token keeps nobody waiting but the shutdown.
TEST_P(CancelAnyCall, DoesNotWaitForTheHandler) {
  Gate may_end;
  Serve([&](Part&) -> Task<absl::Status> {
    started.Add();
    EXPECT_TRUE(may_end.Opens());
    co_return absl::OkStatus();
  });
  const Client client = Connect();
  const auto call = Open(client);
  ASSERT_TRUE(started.Reaches(1));
  call->Cancel();
  EXPECT_THAT(call->End(), HasCode(kCancelled));
  may_end.Open();
  StopServer();
}

// The kinds that have an object for the call.
class CancelStream : public EveryKind {};
INSTANTIATE_TEST_SUITE_P(All, CancelStream,
                         testing::Combine(testing::ValuesIn(kWires),
                                          testing::Values(MethodKind::kServerStreaming,
                                                          MethodKind::kClientStreaming,
                                                          MethodKind::kBidi)),
                         NameOf<EveryKind::ParamType>);

TEST_P(CancelStream, AfterTheEndChangesNothing) {
  Serve([](Part&) -> Task<absl::Status> { co_return absl::AlreadyExistsError("long ago"); });
  const Client client = Connect();
  const auto call = Open(client);
  EXPECT_EQ(call->End(), absl::AlreadyExistsError("long ago"));
  for (int i = 0; i < 3; ++i) {
    call->Cancel();
    EXPECT_EQ(call->Finish(), absl::AlreadyExistsError("long ago"));
  }
}

TEST_P(CancelStream, WakesWhoWaitsForTheEnd) {
  ServeHeldCalls();
  const Client client = Connect();
  const auto call = Open(client);
  Slip<absl::Status> ended;
  std::thread waiting([&] { ended.Put(call->End()); });
  EXPECT_TRUE(started.Reaches(1));
  EXPECT_FALSE(ended.is_there());
  call->Cancel();
  EXPECT_THAT(ended.Take(absl::OkStatus()), HasCode(kCancelled));
  waiting.join();
  EXPECT_TRUE(stopped.Reaches(1));
}

TEST_P(CancelStream, LeavesOtherCallsOfTheClientAlone) {
  Counter go_on;
  Serve([&](Part& part) -> Task<absl::Status> {
    started.Add();
    EXPECT_TRUE(go_on.Reaches(1));
    absl::Status status = co_await Echo(part);
    co_return status;
  });
  const Client client = Connect();
  const auto cancelled = Open(client);
  const auto other = Open(client);
  ASSERT_TRUE(started.Reaches(2));
  cancelled->Cancel();
  EXPECT_EQ(other->Write("still here"), absl::OkStatus());
  go_on.Add();
  EXPECT_EQ(other->End(), absl::OkStatus());
  EXPECT_THAT(cancelled->End(), HasCode(kCancelled));
  StopServer();
}

TEST_P(CancelStream, WakesAHandlerThatReadsOrWrites) {
  Serve([this](Part& part) -> Task<absl::Status> {
    started.Add();
    absl::Status written;
    if (StreamsRequests(kind())) {
      while (co_await part.Next()) {
      }
      written = part.read_status();
    } else {
      // As much as fits, and then it waits.
      while (written.ok()) written = co_await part.Write(std::string(10'000, 'x'));
    }
    const bool told = co_await part.Stopped();
    if (told && written.code() == kCancelled) stopped.Add();
    co_return written;
  });
  const Client client = Connect();
  const auto call = Open(client);
  ASSERT_EQ(call->Write("first"), absl::OkStatus());
  ASSERT_TRUE(started.Reaches(1));
  call->Cancel();
  EXPECT_TRUE(stopped.Reaches(1));
}

// --- Before the call could start.

class CancelUnconnected : public testing::TestWithParam<MethodKind> {};
INSTANTIATE_TEST_SUITE_P(All, CancelUnconnected, testing::ValuesIn(kKinds), NameOf<MethodKind>);

TEST_P(CancelUnconnected, CallThatWaitsForItsConnection) {
  // Connections are made, but nobody ever says a word.
  const ListeningSocket silent;
  const Client client(silent.target());
  const auto call = AnyCall::Open(client, GetParam(), {.wait_for_ready = true});
  call->Cancel();
  call->Cancel();
  EXPECT_THAT(call->End(), HasCode(kCancelled));
}

TEST_P(CancelUnconnected, CallWhoseClientHasGone) {
  const ListeningSocket silent;
  auto client = std::make_unique<Client>(silent.target());
  const auto call = AnyCall::Open(*client, GetParam(), {.wait_for_ready = true});
  client.reset();
  call->Cancel();
  EXPECT_THAT(call->End(), HasCode(kCancelled));
}

TEST_P(CancelUnconnected, CallThatWasRefusedAtOnce) {
  const ListeningSocket silent;
  const Client client(silent.target());
  const auto call = AnyCall::Open(client, GetParam(), {.timeout = absl::ZeroDuration()});
  if (GetParam() != MethodKind::kUnary) call->Cancel();
  EXPECT_THAT(call->End(), HasCode(absl::StatusCode::kDeadlineExceeded));
}

}  // namespace
}  // namespace parley::call_test
