// Guarantee 9: a server starts once, and its shutdown ends, whatever runs: who calls is told, and
// so is who asked for the shutdown. EveryEnding has what becomes of live calls of every kind.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/call/any_call.h"
#include "tests/call/wire_fixture.h"

namespace parley::call_test {
namespace {

using testing::HasSubstr;

constexpr absl::StatusCode kUnavailable = absl::StatusCode::kUnavailable;
constexpr absl::StatusCode kDeadlineExceeded = absl::StatusCode::kDeadlineExceeded;
constexpr absl::StatusCode kFailedPrecondition = absl::StatusCode::kFailedPrecondition;

// Of a handler that returns at once, whatever the others do.
constexpr Unary<std::string, std::string> kProbe{"test.Call/Probe"};

// Longer than any test may take.
constexpr absl::Duration kNoEnd = absl::InfiniteDuration();

class Shutdown : public EveryWire {
 protected:
  void TearDown() override {
    may_end_.Open();
    StopServer();
  }

  // Handlers of every kind that open started_ and then look at nothing but may_end_.
  void ServeDeafHandlers() {
    ServeEveryKind([this](Part&) -> Task<absl::Status> {
      started_.Add();
      EXPECT_TRUE(may_end_.Opens());
      co_return absl::OkStatus();
    });
  }
  // Handlers of every kind that wait until they are stopped.
  void ServeHeldCalls() {
    ServeEveryKind([this](Part& part) -> Task<absl::Status> {
      started_.Add();
      const bool told = co_await part.Stopped();
      if (told) stopped_.Add();
      co_return absl::OkStatus();
    });
  }
  void ServeEveryKind(const Script& script) {
    for (const MethodKind kind : kKinds) {
      RegisterScript(server(), engine_, kind, Form::kPlain, script);
    }
    Serve();
  }
  void Serve() {
    server().Register(
        kProbe, [](Context&, const std::string&) -> absl::StatusOr<std::string> { return ""; });
    Start();
  }

  // Of shutdowns in threads of their own.
  struct Answer {
    explicit Answer(std::function<absl::Status()> shutdown)
        : thread_([this, shutdown = std::move(shutdown)] { status_.Put(shutdown()); }) {}
    ~Answer() { thread_.join(); }
    absl::Status Take() { return status_.Take(absl::UnknownError("no answer")); }
    bool is_there() const { return status_.is_there(); }

   private:
    Slip<absl::Status> status_;
    std::thread thread_;
  };
  std::unique_ptr<Answer> ShutdownElsewhere(absl::Duration grace) {
    return std::make_unique<Answer>([this, grace] { return server().Shutdown(grace); });
  }
  // gRPC leaves a call that arrives at the wrong moment of a server's shutdown without an answer
  // until the call's deadline, also when another was refused before.
  static constexpr absl::Duration kUnanswered = absl::Seconds(1);
  testing::AssertionResult RefusesNewCalls(const Client& client) {
    return Eventually([&] {
      return client.Call(kProbe, "", {.timeout = kUnanswered}).status().code() == kUnavailable;
    });
  }
  testing::AssertionResult Refuses(const Client& client, MethodKind kind) {
    return Eventually([&] {
      return AnyCall::Open(client, kind, {.timeout = kUnanswered})->End().code() == kUnavailable;
    });
  }

  Engine engine_;
  Counter started_, stopped_;
  Gate may_end_;
};
INSTANTIATE_TEST_SUITE_P(All, Shutdown, testing::ValuesIn(kWires), NameOf<WireRow>);

TEST_P(Shutdown, WithNothingRunningIsOkAsOftenAsOneAsks) {
  ServeEveryKind(Echo);
  const Client client = Connect();
  EXPECT_EQ(AnyCall::Open(client, MethodKind::kUnary)->End(), absl::OkStatus());
  EXPECT_EQ(server().Shutdown(kNoEnd), absl::OkStatus());
  EXPECT_EQ(server().Shutdown(absl::ZeroDuration()), absl::OkStatus());
  EXPECT_EQ(server().Shutdown(-kNoEnd), absl::OkStatus());
  server().Wait();
}

TEST_P(Shutdown, MakesCallsUnavailable) {
  ServeEveryKind(Echo);
  const Client before = Connect();
  EXPECT_EQ(AnyCall::Open(before, MethodKind::kUnary)->End(), absl::OkStatus());
  const Client unused = Connect();
  EXPECT_EQ(server().Shutdown(kNoEnd), absl::OkStatus());
  for (const MethodKind kind : kKinds) {
    EXPECT_THAT(AnyCall::Open(before, kind)->End(), HasCode(kUnavailable));
    EXPECT_THAT(AnyCall::Open(unused, kind)->End(), HasCode(kUnavailable));
  }
}

TEST_P(Shutdown, RefusesNewCallsWhileLiveOnesGoOn) {
  ServeEveryKind(Echo);
  const Client client = Connect();
  auto live = client.Call(kBoth);
  EXPECT_EQ(live.Write("before"), absl::OkStatus());
  EXPECT_EQ(live.Next(), "before");
  const auto answer = ShutdownElsewhere(kNoEnd);
  for (const MethodKind kind : kKinds) EXPECT_TRUE(Refuses(client, kind));
  EXPECT_FALSE(answer->is_there());
  EXPECT_EQ(live.Write("during"), absl::OkStatus());
  EXPECT_EQ(live.Next(), "during");
  live.WritesDone();
  EXPECT_EQ(live.Next(), std::nullopt);
  EXPECT_EQ(live.Finish(), absl::OkStatus());
  EXPECT_EQ(answer->Take(), absl::OkStatus());
}

TEST_P(Shutdown, OfHandlersThatDoNotListenNamesThemAndTheDestructorWaitsForThem) {
  ServeDeafHandlers();
  const Client client = Connect();
  std::vector<std::unique_ptr<AnyCall>> calls;
  for (const MethodKind kind : {MethodKind::kUnary, MethodKind::kBidi, MethodKind::kUnary}) {
    calls.push_back(AnyCall::Open(client, kind));
  }
  ASSERT_TRUE(started_.Reaches(3));
  const std::string methods = "test.Call/Both (1), test.Call/Unary (2)";
  EXPECT_THAT(server().Shutdown(absl::ZeroDuration()),
              IsStatus(kDeadlineExceeded, HasSubstr(methods)));
  // Nobody but the handlers is kept waiting.
  for (const auto& call : calls) EXPECT_THAT(call->End(), HasCode(kUnavailable));
  server().Wait();

  Answer destroyed([&] {
    DestroyServer();
    EXPECT_TRUE(may_end_.is_open());
    return absl::OkStatus();
  });
  EXPECT_TRUE(server_log.Says(methods));
  EXPECT_FALSE(destroyed.is_there());
  may_end_.Open();
  EXPECT_EQ(destroyed.Take(), absl::OkStatus());
}

TEST_P(Shutdown, AskedForByManyGivesAllTheSameAnswer) {
  ServeDeafHandlers();
  const Client client = Connect();
  const auto call = AnyCall::Open(client, MethodKind::kServerStreaming);
  ASSERT_TRUE(started_.Reaches(1));
  std::vector<std::unique_ptr<Answer>> answers;
  for (int i = 0; i < 4; ++i) answers.push_back(ShutdownElsewhere(absl::Milliseconds(10 * i)));
  const absl::Status first = answers[0]->Take();
  EXPECT_THAT(first, IsStatus(kDeadlineExceeded, HasSubstr("test.Call/Down (1)")));
  for (std::size_t i = 1; i < answers.size(); ++i) EXPECT_EQ(answers[i]->Take(), first);
  may_end_.Open();
  EXPECT_EQ(server().Shutdown(kNoEnd), first);
  DestroyServer();
}

TEST_P(Shutdown, IsHurriedByAShorterGrace) {
  ServeHeldCalls();
  const Client client = Connect();
  std::vector<std::unique_ptr<AnyCall>> calls;
  for (const MethodKind kind : kKinds) calls.push_back(AnyCall::Open(client, kind));
  ASSERT_TRUE(started_.Reaches(4));
  const auto patient = ShutdownElsewhere(kNoEnd);
  EXPECT_TRUE(RefusesNewCalls(client));
  EXPECT_EQ(stopped_.value(), 0);
  const auto hurried = ShutdownElsewhere(absl::ZeroDuration());
  EXPECT_EQ(patient->Take(), absl::OkStatus());
  EXPECT_EQ(hurried->Take(), absl::OkStatus());
  EXPECT_EQ(stopped_.value(), 4);
  for (const auto& call : calls) EXPECT_THAT(call->End(), HasCode(kUnavailable));
}

TEST_P(Shutdown, IsNotSlowedByALongerGrace) {
  ServeHeldCalls();
  const Client client = Connect();
  const auto call = AnyCall::Open(client, MethodKind::kBidi);
  ASSERT_TRUE(started_.Reaches(1));
  const auto hurried = ShutdownElsewhere(absl::Milliseconds(50));
  EXPECT_TRUE(RefusesNewCalls(client));
  EXPECT_EQ(server().Shutdown(kNoEnd), absl::OkStatus());
  EXPECT_EQ(hurried->Take(), absl::OkStatus());
}

TEST_P(Shutdown, IsHurriedAlsoWhenHandlersDoNotListen) {
  ServeDeafHandlers();
  const Client client = Connect();
  std::vector<std::unique_ptr<AnyCall>> calls;
  for (const MethodKind kind : kKinds) calls.push_back(AnyCall::Open(client, kind));
  ASSERT_TRUE(started_.Reaches(4));
  const auto patient = ShutdownElsewhere(kNoEnd);
  EXPECT_TRUE(RefusesNewCalls(client));
  EXPECT_THAT(server().Shutdown(absl::ZeroDuration()), HasCode(kDeadlineExceeded));
  EXPECT_THAT(patient->Take(), HasCode(kDeadlineExceeded));
  may_end_.Open();
  DestroyServer();
}

// --- From the server's own threads.

TEST_P(Shutdown, FromAHandlerReturnsAtOnceAndTheCallMayEnd) {
  server().Register(kUnary, [&](Context& ctx, const std::string&) -> absl::StatusOr<std::string> {
    EXPECT_EQ(server().Shutdown(kNoEnd), absl::OkStatus());
    EXPECT_FALSE(ctx.cancelled());
    return "the last word";
  });
  Serve();
  const Client client = Connect();
  EXPECT_EQ(client.Call(kUnary, "").value_or("an error"), "the last word");
  server().Wait();
  EXPECT_THAT(client.Call(kUnary, "").status(), HasCode(kUnavailable));
}

TEST_P(Shutdown, FromACoroutineThatWasResumedReturnsAtOnce) {
  server().Register(
      kUp, [&](Context& ctx, Reader<std::string>& in) -> Task<absl::StatusOr<std::string>> {
        const std::optional<std::string> request = co_await in.AsyncNext();
        EXPECT_EQ(request, "first");
        EXPECT_EQ(server().Shutdown(kNoEnd), absl::OkStatus());
        EXPECT_FALSE(ctx.cancelled());
        co_return "the last word";
      });
  Serve();
  const Client client = Connect();
  auto upload = client.Call(kUp);
  EXPECT_EQ(upload.Write("first"), absl::OkStatus());
  EXPECT_EQ(upload.Finish().value_or("an error"), "the last word");
  server().Wait();
}

TEST_P(Shutdown, FromAnAsynchronousHandlerWaitsForTheCallThatItKeeps) {
  std::optional<ServerCall<Unary<std::string, std::string>>> kept;
  Gate is_kept;
  server().Register(kUnary, [&](ServerCall<Unary<std::string, std::string>> call) {
    EXPECT_EQ(server().Shutdown(kNoEnd), absl::OkStatus());
    kept.emplace(std::move(call));
    is_kept.Open();
  });
  Serve();
  const Client client = Connect();
  auto pending = client.AsyncCall(kUnary, "");
  EXPECT_TRUE(is_kept.Opens());
  const auto answer = ShutdownElsewhere(kNoEnd);
  EXPECT_TRUE(RefusesNewCalls(client));
  EXPECT_FALSE(answer->is_there());
  std::move(*kept).Finish("the last word");
  EXPECT_EQ(std::move(pending).Wait().value_or("an error"), "the last word");
  kept.reset();
  EXPECT_EQ(answer->Take(), absl::OkStatus());
}

TEST_P(Shutdown, FromAStopCallbackReturnsAtOnce) {
  Gate returned;
  server().Register(kBoth, [&](Context& ctx, Reader<std::string>&, Writer<std::string>&) {
    std::stop_callback on_stop(ctx.stop_token(), [&] {
      EXPECT_EQ(server().Shutdown(kNoEnd), absl::OkStatus());
      returned.Open();
    });
    started_.Add();
    EXPECT_TRUE(returned.Opens());
    return absl::OkStatus();
  });
  Serve();
  auto stream = Connect().Call(kBoth);
  ASSERT_TRUE(started_.Reaches(1));
  stream.Cancel();
  EXPECT_TRUE(returned.Opens());
  server().Wait();
}

// --- Who waits.

TEST_P(Shutdown, EndsEveryWaitOfTheServersCallersAndOfWait) {
  ServeHeldCalls();
  const Client client = Connect();
  auto down = client.Call(kDown, "");
  auto up = client.Call(kUp);
  auto both = client.Call(kBoth);
  auto written_to = client.Call(kBoth);
  std::vector<std::unique_ptr<Answer>> waits;
  const auto wait = [&](std::function<absl::Status()> wait) {
    waits.push_back(std::make_unique<Answer>(std::move(wait)));
  };
  wait([&] { return client.Call(kUnary, "").status(); });
  wait([&] { return client.AsyncCall(kUnary, "").Wait().status(); });
  wait([&] { return down.Next() ? absl::OkStatus() : down.status(); });
  wait([&] { return up.Finish().status(); });
  wait([&] { return both.AsyncNext().Wait() ? absl::OkStatus() : both.status(); });
  wait([&] {
    absl::Status written;
    for (int i = 0; i < 10'000 && written.ok(); ++i) {
      written = written_to.Write(std::string(10'000, 'x'));
    }
    // Why it failed, the final status says.
    return written.ok() || written_to.Next() ? absl::OkStatus() : written_to.status();
  });
  Answer waited([&] {
    server().Wait();
    return absl::OkStatus();
  });
  EXPECT_TRUE(started_.Reaches(6));
  for (const auto& answer : waits) EXPECT_FALSE(answer->is_there());
  EXPECT_FALSE(waited.is_there());
  EXPECT_EQ(server().Shutdown(absl::ZeroDuration()), absl::OkStatus());
  for (const auto& answer : waits) EXPECT_THAT(answer->Take(), HasCode(kUnavailable));
  EXPECT_EQ(waited.Take(), absl::OkStatus());
}

// --- Around the start.

TEST_P(Shutdown, BeforeStartIsOkAndKeepsItFromStarting) {
  RegisterScript(server(), engine_, MethodKind::kUnary, Form::kPlain, Echo);
  server().Wait();  // there is nothing to wait for
  EXPECT_EQ(server().Shutdown(kNoEnd), absl::OkStatus());
  server().Wait();
  EXPECT_THAT(server().Start("127.0.0.1:0"), HasCode(kFailedPrecondition));
  EXPECT_THAT(server().Start(), HasCode(kFailedPrecondition));
  EXPECT_EQ(server().port(), 0);
  if (local()) {
    EXPECT_THAT(Connect().Call(kUnary, "").status(), HasCode(kUnavailable));
  }
}

TEST_P(Shutdown, LeavesNothingToBeStartedAgain) {
  ServeEveryKind(Echo);
  EXPECT_EQ(server().Shutdown(kNoEnd), absl::OkStatus());
  EXPECT_THAT(server().Start("127.0.0.1:0"), HasCode(kFailedPrecondition));
  EXPECT_THAT(server().Start(), HasCode(kFailedPrecondition));
}

TEST_P(Shutdown, IsNotCausedByASecondStart) {
  ServeEveryKind(Echo);
  const Client client = Connect();
  EXPECT_THAT(server().Start("127.0.0.1:0"), HasCode(kFailedPrecondition));
  EXPECT_THAT(server().Start(), HasCode(kFailedPrecondition));
  EXPECT_EQ(client.Call(kUnary, "still here").value_or("an error"), "still here");
}

TEST(ShutdownOfAServerThatCouldNotListen, IsOk) {
  Server first, second;
  second.Register(
      kUnary, [](Context&, const std::string&) -> absl::StatusOr<std::string> { return "second"; });
  ASSERT_EQ(first.Start("127.0.0.1:0"), absl::OkStatus());
  const std::string address = absl::StrCat("127.0.0.1:", first.port());
  EXPECT_THAT(second.Start(address),
              IsStatus(kUnavailable, HasSubstr(absl::StrCat("can't listen on ", address))));
  EXPECT_EQ(second.port(), 0);
  EXPECT_THAT(Client::Local(second).Call(kUnary, "").status(), HasCode(kUnavailable));
  EXPECT_THAT(second.Start("127.0.0.1:0"), HasCode(kFailedPrecondition));
  EXPECT_EQ(second.Shutdown(kNoEnd), absl::OkStatus());
  second.Wait();
}

}  // namespace
}  // namespace parley::call_test
