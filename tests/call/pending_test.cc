// What an asynchronous operation returns: waited for in any of its three ways it gives the same
// result; dropped, it cancels a unary call and leaves the messages of a stream alone.
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/call/any_call.h"
#include "tests/call/spawn.h"
#include "tests/call/wire_fixture.h"

namespace parley::call_test {
namespace {

using testing::ElementsAre;

// How a result is waited for.
enum class Waiting { kBlocking, kCallback, kCoroutine };
void PrintTo(Waiting waiting, std::ostream* out) {
  const char* names[] = {"Blocking", "Callback", "Coroutine"};
  *out << names[static_cast<int>(waiting)];
}

template <class T>
T ResultOf(Pending<T> pending, Waiting waiting, T otherwise) {
  if (waiting == Waiting::kBlocking) return std::move(pending).Wait();
  const auto slip = std::make_shared<Slip<T>>();
  if (waiting == Waiting::kCallback) {
    const std::thread::id here = std::this_thread::get_id();
    std::move(pending).Then([slip, here](T result) {
      EXPECT_NE(std::this_thread::get_id(), here) << "inside the call that registered it";
      slip->Put(std::move(result));
    });
  } else {
    Spawn([](Pending<T> moved, std::shared_ptr<Slip<T>> into) -> Task<void> {
      into->Put(co_await std::move(moved));
    }(std::move(pending), slip));
  }
  return slip->Take(std::move(otherwise));
}

class EveryWait : public WireFixture, public testing::TestWithParam<std::tuple<WireRow, Waiting>> {
 protected:
  EveryWait() : WireFixture(std::get<0>(GetParam())) {}
  void TearDown() override { StopServer(); }

  void ServeEcho() {
    for (const MethodKind kind : kKinds) {
      RegisterScript(server(), engine_, kind, Form::kPlain, Echo);
    }
    Start();
  }
  template <class T>
  T Result(Pending<T> pending, T otherwise) {
    return ResultOf(std::move(pending), std::get<1>(GetParam()), std::move(otherwise));
  }
  absl::Status Status(Pending<absl::Status> pending) {
    return Result(std::move(pending), absl::UnknownError("no result"));
  }
  absl::StatusOr<std::string> Response(Pending<absl::StatusOr<std::string>> pending) {
    return Result(std::move(pending), absl::StatusOr<std::string>(absl::UnknownError("none")));
  }

  Engine engine_;
};
INSTANTIATE_TEST_SUITE_P(All, EveryWait,
                         testing::Combine(testing::ValuesIn(kWires),
                                          testing::Values(Waiting::kBlocking, Waiting::kCallback,
                                                          Waiting::kCoroutine)),
                         NameOf<EveryWait::ParamType>);

TEST_P(EveryWait, GivesAUnaryCallsResult) {
  ServeEcho();
  const Client client = Connect();
  EXPECT_EQ(Response(client.AsyncCall(kUnary, "there and back")).value_or(""), "there and back");
}

TEST_P(EveryWait, GivesAServerStreamsMessagesAndStatus) {
  ServeEcho();
  auto reader = Connect().Call(kDown, "once");
  EXPECT_EQ(Result(reader.AsyncNext(), std::optional<std::string>()), "once");
  EXPECT_EQ(Result(reader.AsyncNext(), std::optional<std::string>("x")), std::nullopt);
  EXPECT_EQ(Status(reader.AsyncFinish()), absl::OkStatus());
}

TEST_P(EveryWait, GivesAnUploadsWritesAndResponse) {
  ServeEcho();
  auto writer = Connect().Call(kUp);
  EXPECT_EQ(Status(writer.AsyncWrite("first")), absl::OkStatus());
  EXPECT_EQ(Status(writer.AsyncWrite("last")), absl::OkStatus());
  EXPECT_EQ(Response(writer.AsyncFinish()).value_or(""), "last");
  EXPECT_THAT(Status(writer.AsyncWrite("too late")),
              HasCode(absl::StatusCode::kFailedPrecondition));
}

TEST_P(EveryWait, GivesABidiStreamsMessagesAndStatus) {
  ServeEcho();
  auto stream = Connect().Call(kBoth);
  for (const std::string message : {"a", "", "c"}) {
    EXPECT_EQ(Status(stream.AsyncWrite(message)), absl::OkStatus());
    EXPECT_EQ(Result(stream.AsyncNext(), std::optional<std::string>()), message);
  }
  stream.WritesDone();
  EXPECT_EQ(Result(stream.AsyncNext(), std::optional<std::string>("x")), std::nullopt);
  EXPECT_EQ(Status(stream.AsyncFinish()), absl::OkStatus());
}

TEST_P(EveryWait, GivesTheErrorOfACallThatCouldNotBeMade) {
  ServeEcho();
  const Client client = Connect();
  const Metadata illegal = {{"not legal", "x"}};
  const CallOptions options = {.metadata = &illegal};
  const absl::StatusCode code = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(Response(client.AsyncCall(kUnary, "", options)).status(), HasCode(code));
  EXPECT_THAT(Response(client.Call(kUp, options).AsyncFinish()).status(), HasCode(code));
  auto reader = client.Call(kDown, "", options);
  EXPECT_EQ(Result(reader.AsyncNext(), std::optional<std::string>("x")), std::nullopt);
  EXPECT_THAT(Status(reader.AsyncFinish()), HasCode(code));
  auto stream = client.Call(kBoth, options);
  EXPECT_THAT(Status(stream.AsyncWrite("x")), HasCode(code));
  EXPECT_THAT(Status(stream.AsyncFinish()), HasCode(code));
}

// --- Dropped.

class DroppedPending : public EveryWire {
 protected:
  Engine engine_;
};
INSTANTIATE_TEST_SUITE_P(All, DroppedPending, testing::ValuesIn(kWires), NameOf<WireRow>);

TEST_P(DroppedPending, UnaryCallIsCancelled) {
  Gate started, stopped;
  server().Register(kUnary, [&](Context& ctx, const std::string&) -> absl::StatusOr<std::string> {
    started.Open();
    if (StopRequested(ctx.stop_token())) stopped.Open();
    return "";
  });
  Start();
  const Client client = Connect();
  {
    const auto pending = client.AsyncCall(kUnary, "");
    ASSERT_TRUE(started.Opens());
    EXPECT_FALSE(stopped.is_open());
  }
  EXPECT_TRUE(stopped.Opens());
  StopServer();
}

TEST_P(DroppedPending, UnaryCallThatWasTakenIsNotCancelled) {
  Counter cancelled;
  server().Register(
      kUnary, [](Context&, const std::string&) -> absl::StatusOr<std::string> { return "done"; });
  Start();
  const Client client = Connect();
  auto pending = client.AsyncCall(kUnary, "");
  auto moved = std::move(pending);
  EXPECT_EQ(std::move(moved).Wait().value_or("an error"), "done");
}

TEST_P(DroppedPending, ReadsLoseNoMessage) {
  constexpr int kMessages = 200;
  server().Register(kDown,
                    [](Context&, const std::string&, Writer<std::string>& out) -> absl::Status {
                      for (int i = 0; i < kMessages; ++i) {
                        if (absl::Status status = out.Write(absl::StrCat(i)); !status.ok())
                          return status;
                      }
                      return absl::OkStatus();
                    });
  Start();
  auto reader = Connect().Call(kDown, "");
  for (int i = 0; i < kMessages; ++i) {
    { const auto dropped = reader.AsyncNext(); }
    ASSERT_EQ(reader.Next(), absl::StrCat(i));
  }
  { const auto dropped = reader.AsyncNext(); }
  EXPECT_EQ(reader.Next(), std::nullopt);
  EXPECT_EQ(reader.Finish(), absl::OkStatus());
}

TEST_P(DroppedPending, WritesAreSentAllTheSame) {
  Slip<std::vector<std::string>> got;
  server().Register(kUp, [&](Context&, Reader<std::string>& in) -> absl::StatusOr<std::string> {
    std::vector<std::string> messages;
    for (const std::string& message : in) messages.push_back(message);
    got.Put(std::move(messages));
    return "";
  });
  Start();
  auto writer = Connect().Call(kUp);
  for (const std::string message : {"a", "b", "c"}) {
    const auto dropped = writer.AsyncWrite(message);
  }
  EXPECT_TRUE(writer.Finish().ok());
  EXPECT_THAT(got.Take({}), ElementsAre("a", "b", "c"));
}

TEST_P(DroppedPending, FinishOfAStreamLeavesItsStatusToBeAskedForAgain) {
  RegisterScript(server(), engine_, MethodKind::kClientStreaming, Form::kPlain, Echo);
  Start();
  auto writer = Connect().Call(kUp);
  EXPECT_EQ(writer.Write("the response"), absl::OkStatus());
  { const auto dropped = writer.AsyncFinish(); }
  EXPECT_EQ(writer.Finish().value_or("an error"), "the response");
}

TEST_P(DroppedPending, OutlivesTheClientAndTheStreamItCameFrom) {
  RegisterScript(server(), engine_, MethodKind::kUnary, Form::kPlain, Echo);
  RegisterScript(server(), engine_, MethodKind::kBidi, Form::kPlain, Echo);
  Start();
  auto client = std::make_unique<Client>(Connect());
  auto unary = client->AsyncCall(kUnary, "still there");
  auto stream = std::make_unique<ClientReaderWriter<std::string, std::string>>(client->Call(kBoth));
  client.reset();
  auto next = stream->AsyncNext();
  stream.reset();  // which cancels the call
  EXPECT_EQ(std::move(next).Wait(), std::nullopt);
  EXPECT_EQ(std::move(unary).Wait().value_or("an error"), "still there");
}

}  // namespace
}  // namespace parley::call_test
