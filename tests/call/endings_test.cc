// Every way in which a call can end, for every wire, kind of method and form of handler: both ends
// learn of it, and the client gets exactly the status that belongs to it.
#include <algorithm>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/call/any_call.h"
#include "tests/call/wire_fixture.h"

namespace parley::call_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class EveryEnding : public WireFixture,
                    public testing::TestWithParam<std::tuple<WireRow, MethodKind, Form>> {
 protected:
  EveryEnding() : WireFixture(std::get<0>(GetParam())) {}
  void TearDown() override { StopServer(); }

  MethodKind kind() const { return std::get<1>(GetParam()); }
  Form form() const { return std::get<2>(GetParam()); }

  void Serve(Script script) {
    RegisterScript(server(), engine_, kind(), form(), std::move(script));
    Start();
  }

  // The handler says when it starts, waits until it is told to stop, and says what it saw.
  void ServeHeldCalls() {
    Serve([this](Part& part) -> Task<absl::Status> {
      started_.Open();
      const bool stopped = co_await part.Stopped();
      if (stopped && part.context.cancelled()) stopped_.Add();
      co_return absl::AbortedError("what a stopped handler returns is told to nobody");
    });
  }

  Engine engine_;
  Gate started_;
  Counter stopped_;
};

// Of kinds whose requests are a stream.
class EveryUploadsEnding : public EveryEnding {};
// Of kinds whose responses are a stream.
class EveryResponseStreamsEnding : public EveryEnding {};
// Of forms for whose steps parley answers: an asynchronous handler has returned before.
class EveryThrownEnding : public EveryEnding {};

const auto kEveryWire = testing::ValuesIn(kWires);
const auto kEveryKind = testing::ValuesIn(kKinds);
const auto kEveryForm = testing::ValuesIn(kForms);

INSTANTIATE_TEST_SUITE_P(All, EveryEnding, testing::Combine(kEveryWire, kEveryKind, kEveryForm),
                         NameOf<EveryEnding::ParamType>);
INSTANTIATE_TEST_SUITE_P(
    All, EveryUploadsEnding,
    testing::Combine(kEveryWire, testing::Values(MethodKind::kClientStreaming, MethodKind::kBidi),
                     kEveryForm),
    NameOf<EveryEnding::ParamType>);
INSTANTIATE_TEST_SUITE_P(
    All, EveryResponseStreamsEnding,
    testing::Combine(kEveryWire, testing::Values(MethodKind::kServerStreaming, MethodKind::kBidi),
                     kEveryForm),
    NameOf<EveryEnding::ParamType>);
INSTANTIATE_TEST_SUITE_P(All, EveryThrownEnding,
                         testing::Combine(kEveryWire, kEveryKind,
                                          testing::Values(Form::kPlain, Form::kCoroutine)),
                         NameOf<EveryEnding::ParamType>);

TEST_P(EveryEnding, ReturningFinishesTheCall) {
  Serve(Echo);
  const Client client = Connect();
  const auto call = AnyCall::Open(client, kind(), {}, "one");
  std::vector<std::string> sent = {"one"};
  if (StreamsRequests(kind())) {
    sent = {"one", "", "three"};
    for (const std::string& request : sent) ASSERT_EQ(call->Write(request), absl::OkStatus());
  }
  EXPECT_EQ(call->End(), absl::OkStatus());
  // Of a stream, the one response is the last echo.
  if (!StreamsResponses(kind())) sent.erase(sent.begin(), sent.end() - 1);
  EXPECT_EQ(call->responses, sent);
}

TEST_P(EveryEnding, AHandlersErrorIsTheStatusAfterItsMessages) {
  Serve([](Part& part) -> Task<absl::Status> {
    absl::Status written = co_await part.Write("before the error");
    if (!written.ok()) co_return written;
    co_return absl::DataLossError("not what it \"was\"\n\xe2\x82\xac%");
  });
  const Client client = Connect();
  const auto call = AnyCall::Open(client, kind());
  EXPECT_EQ(call->End(), absl::DataLossError("not what it \"was\"\n\xe2\x82\xac%"));
  if (StreamsResponses(kind())) {
    EXPECT_THAT(call->responses, ElementsAre("before the error"));
  } else {
    EXPECT_THAT(call->responses, IsEmpty());
  }
}

TEST_P(EveryUploadsEnding, AnErrorEndsACallWhoseRequestsGoOn) {
  Serve([](Part& part) -> Task<absl::Status> {
    const std::optional<std::string> first = co_await part.Next();
    co_return absl::InvalidArgumentError(absl::StrCat("no ", first.value_or("request")));
  });
  const Client client = Connect();
  const auto call = AnyCall::Open(client, kind());
  // The handler never reads the second, so sooner or later a write is told that the call is over.
  absl::Status written;
  for (int i = 0; i < 100'000 && written.ok(); ++i) written = call->Write("apples");
  EXPECT_FALSE(written.ok());
  EXPECT_EQ(call->End(), absl::InvalidArgumentError("no apples"));
}

TEST_P(EveryThrownEnding, AHandlersExceptionIsInternalWithoutItsText) {
  Serve([](Part& part) -> Task<absl::Status> {
    const std::optional<std::string> request = co_await part.Next();
    throw std::runtime_error(absl::StrCat("secret of ", request.value_or("nothing")));
  });
  const Client client = Connect();
  const auto call = AnyCall::Open(client, kind(), {}, "the vault");
  call->Write("the vault").IgnoreError();
  EXPECT_EQ(call->End(), absl::InternalError("the handler failed"));
  EXPECT_TRUE(server_log.Says("secret of the vault"));
  EXPECT_TRUE(server_log.Says(PathOf(kind())));
}

TEST_P(EveryEnding, CancelStopsTheHandler) {
  ServeHeldCalls();
  const Client client = Connect();
  const auto call = AnyCall::Open(client, kind());
  ASSERT_TRUE(started_.Opens());
  call->Cancel();
  EXPECT_TRUE(stopped_.Reaches(1));
  EXPECT_THAT(call->End(), HasCode(absl::StatusCode::kCancelled));
}

TEST_P(EveryEnding, DroppedMidStreamCancelsTheCall) {
  ServeHeldCalls();
  const Client client = Connect();
  auto call = AnyCall::Open(client, kind());
  ASSERT_TRUE(started_.Opens());
  call.reset();
  EXPECT_TRUE(stopped_.Reaches(1));
}

// The other kinds' Finish waits for the response.
TEST_P(EveryResponseStreamsEnding, FinishBeforeTheEndCancels) {
  ServeHeldCalls();
  const Client client = Connect();
  const auto call = AnyCall::Open(client, kind());
  ASSERT_TRUE(started_.Opens());
  EXPECT_THAT(call->Finish(), HasCode(absl::StatusCode::kCancelled));
  EXPECT_TRUE(stopped_.Reaches(1));
}

TEST_P(EveryEnding, ShutdownEndsItWithUnavailable) {
  ServeHeldCalls();
  const Client client = Connect();
  const auto call = AnyCall::Open(client, kind());
  ASSERT_TRUE(started_.Opens());
  EXPECT_EQ(server().Shutdown(absl::ZeroDuration()), absl::OkStatus());
  EXPECT_TRUE(stopped_.Reaches(1));
  // With that gRPC closes the connection, and a client that writes just then may find it closed before
  // it has read the reason.
  EXPECT_THAT(call->End(), HasCode(absl::StatusCode::kUnavailable));
}

TEST_P(EveryEnding, ShutdownsGraceLetsItComeToItsEnd) {
  Serve([this](Part& part) -> Task<absl::Status> {
    started_.Open();
    absl::Status status = co_await Echo(part);
    if (part.context.cancelled()) stopped_.Add();
    co_return status;
  });
  const Client client = Connect();
  const auto call = AnyCall::Open(client, kind());
  ASSERT_TRUE(started_.Opens());
  Slip<absl::Status> shut;
  std::thread shutdown([&] { shut.Put(server().Shutdown(absl::Seconds(30))); });
  if (StreamsRequests(kind())) {
    // The server says so to new calls; this one goes on.
    EXPECT_TRUE(Eventually([&] {
      // gRPC may leave a call unanswered that comes in the moment in which it stops.
      return AnyCall::Open(client, kind(), {.timeout = absl::Seconds(1)})->End().code() ==
             absl::StatusCode::kUnavailable;
    }));
    EXPECT_EQ(call->Write("during the shutdown"), absl::OkStatus());
  }
  EXPECT_EQ(call->End(), absl::OkStatus());
  EXPECT_FALSE(call->responses.empty());
  EXPECT_EQ(shut.Take(absl::UnknownError("no result")), absl::OkStatus());
  shutdown.join();
  EXPECT_EQ(stopped_.value(), 0);
}

TEST_P(EveryEnding, DeadlinePassingEndsBothEnds) {
  ServeHeldCalls();
  const Client client = Connect();
  // On a busy machine the first deadlines may pass before the handler runs.
  for (absl::Duration timeout = absl::Milliseconds(100);; timeout *= 4) {
    const auto call = AnyCall::Open(client, kind(), {.timeout = timeout});
    EXPECT_THAT(call->End(), HasCode(absl::StatusCode::kDeadlineExceeded));
    if (started_.is_open() || timeout > absl::Seconds(10)) break;
  }
  EXPECT_TRUE(stopped_.Reaches(1));
}

}  // namespace
}  // namespace parley::call_test
