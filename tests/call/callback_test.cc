// Guarantee 7, from the side of callbacks: user code runs under no lock and on no thread of gRPC's,
// so a callback may do to the call that it was told of, to its client and to other calls whatever
// any other code may.
#include <sys/prctl.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/call/any_call.h"
#include "tests/call/thread_executor.h"
#include "tests/call/wire_fixture.h"

namespace parley::call_test {
namespace {

using BidiStream = ClientReaderWriter<std::string, std::string>;

// Runs every task at once, on whatever thread it comes from: were that a lock's owner, the task
// would find it locked.
class InlineExecutor final : public Executor {
 public:
  void Post(absl::AnyInvocable<void()> task) override { task(); }
};

enum class Where { kOwnThreads, kInline };
void PrintTo(Where where, std::ostream* out) {
  *out << (where == Where::kInline ? "InlineExecutor" : "OwnThreads");
}

class Callback : public WireFixture, public testing::TestWithParam<std::tuple<WireRow, Where>> {
 protected:
  Callback() : WireFixture(std::get<0>(GetParam())) {}
  void TearDown() override { StopServer(); }

  // A client of a server that echoes.
  Client ConnectToEcho() {
    for (const MethodKind kind : kKinds) {
      RegisterScript(server(), engine_, kind, Form::kPlain, Echo);
    }
    Start();
    return ConnectHere();
  }
  Client ConnectHere() {
    ClientOptions options;
    if (std::get<1>(GetParam()) == Where::kInline) {
      options.executor = std::make_shared<InlineExecutor>();
    }
    return Connect(std::move(options));
  }

  Engine engine_;
  Gate done_;
};
INSTANTIATE_TEST_SUITE_P(All, Callback,
                         testing::Combine(testing::ValuesIn(kWires),
                                          testing::Values(Where::kOwnThreads, Where::kInline)),
                         NameOf<Callback::ParamType>);

TEST_P(Callback, MayCancelTheCall) {
  const Client client = ConnectToEcho();
  auto stream = client.Call(kBoth);
  stream.AsyncNext().Then([&](std::optional<std::string> message) {
    EXPECT_EQ(message, "first");
    stream.Cancel();
    EXPECT_THAT(stream.Finish(), HasCode(absl::StatusCode::kCancelled));
    done_.Open();
  });
  stream.Write("first").IgnoreError();  // the echo's callback may come before it returns
  EXPECT_TRUE(done_.Opens());
}

TEST_P(Callback, MayReadOn) {
  const Client client = ConnectToEcho();
  auto stream = client.Call(kBoth);
  int read = 0;
  std::function<void(std::optional<std::string>)> next = [&](std::optional<std::string> message) {
    if (!message) return done_.Open();
    EXPECT_EQ(*message, absl::StrCat(read++));
    stream.AsyncNext().Then(next);
  };
  stream.AsyncNext().Then(next);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(stream.Write(absl::StrCat(i)), absl::OkStatus());
  stream.WritesDone();
  EXPECT_TRUE(done_.Opens());
  EXPECT_EQ(read, 100);
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
}

TEST_P(Callback, MayWriteOn) {
  const Client client = ConnectToEcho();
  auto writer = client.Call(kUp);
  int written = 0;
  std::function<void(absl::Status)> next = [&](absl::Status status) {
    EXPECT_EQ(status, absl::OkStatus());
    if (written == 100) return done_.Open();
    writer.AsyncWrite(absl::StrCat(written++)).Then(next);
  };
  writer.AsyncWrite("the first").Then(next);
  EXPECT_TRUE(done_.Opens());
  EXPECT_EQ(writer.Finish().value_or("an error"), "99");
}

TEST_P(Callback, MayDropTheStream) {
  const Client client = ConnectToEcho();
  auto stream = std::make_unique<BidiStream>(client.Call(kBoth));
  BidiStream& kept = *stream;
  kept.AsyncNext().Then([&, stream = std::move(stream)](std::optional<std::string>) mutable {
    stream.reset();
    done_.Open();
  });
  kept.Write("first").IgnoreError();
  EXPECT_TRUE(done_.Opens());
}

TEST_P(Callback, MayDropTheLastOfTheClient) {
  const Client client = ConnectToEcho();
  auto last = std::make_unique<Client>(ConnectHere());
  Client& kept = *last;
  kept.AsyncCall(kUnary, "")
      .Then([&, last = std::move(last)](absl::StatusOr<std::string> result) mutable {
        EXPECT_TRUE(result.ok()) << result.status();
        last.reset();
        done_.Open();
      });
  EXPECT_TRUE(done_.Opens());
}

TEST_P(Callback, MayMakeAnotherCall) {
  const Client client = ConnectToEcho();
  client.AsyncCall(kUnary, "outer").Then([&](absl::StatusOr<std::string> outer) {
    EXPECT_EQ(outer.value_or("an error"), "outer");
    client.AsyncCall(kUnary, "inner").Then([&](absl::StatusOr<std::string> inner) {
      EXPECT_EQ(inner.value_or("an error"), "inner");
      done_.Open();
    });
  });
  EXPECT_TRUE(done_.Opens());
}

class CallbackOnOwnThreads : public EveryWire {
 protected:
  Engine engine_;
  Gate done_;
};
INSTANTIATE_TEST_SUITE_P(All, CallbackOnOwnThreads, testing::ValuesIn(kWires), NameOf<WireRow>);

TEST_P(CallbackOnOwnThreads, MayBlockInAnotherCall) {
  RegisterScript(server(), engine_, MethodKind::kUnary, Form::kPlain, Echo);
  Start();
  const Client client = Connect();
  client.AsyncCall(kUnary, "outer").Then([&](absl::StatusOr<std::string>) {
    EXPECT_EQ(client.Call(kUnary, "inner").value_or("an error"), "inner");
    done_.Open();
  });
  EXPECT_TRUE(done_.Opens());
}

// One that blocks keeps nobody else's from running.
TEST_P(CallbackOnOwnThreads, MayBlockWithoutDelayingOthers) {
  RegisterScript(server(), engine_, MethodKind::kUnary, Form::kPlain, Echo);
  Start();
  Counter blocked, others, ended;
  Gate may_end;
  const Client client = Connect();
  for (int i = 0; i < 4; ++i) {
    client.AsyncCall(kUnary, "").Then([&](absl::StatusOr<std::string>) {
      blocked.Add();
      EXPECT_TRUE(may_end.Opens());
      ended.Add();
    });
  }
  EXPECT_TRUE(blocked.Reaches(4));
  for (int i = 0; i < 100; ++i) {
    client.AsyncCall(kUnary, "").Then([&](absl::StatusOr<std::string> result) {
      EXPECT_TRUE(result.ok());
      others.Add();
    });
  }
  EXPECT_TRUE(others.Reaches(100));
  may_end.Open();
  EXPECT_TRUE(ended.Reaches(4));
}

TEST_P(CallbackOnOwnThreads, RunsOnTheExecutorThatWasGiven) {
  const auto executor = std::make_shared<ThreadExecutor>();
  server_options.executor = executor;
  Slip<std::thread::id> handler;
  server().Register(kUnary, [&](Context&, const std::string&) -> absl::StatusOr<std::string> {
    handler.Put(std::this_thread::get_id());
    return "";
  });
  Start();
  const auto client_executor = std::make_shared<ThreadExecutor>();
  ClientOptions options;
  options.executor = client_executor;
  const Client client = Connect(std::move(options));
  Slip<std::thread::id> callback;
  client.AsyncCall(kUnary, "").Then([&](absl::StatusOr<std::string> result) {
    EXPECT_TRUE(result.ok()) << result.status();
    callback.Put(std::this_thread::get_id());
  });
  EXPECT_EQ(callback.Take({}), client_executor->thread());
  EXPECT_EQ(handler.Take({}), executor->thread());
  StopServer();
}

// Many calls at once, each made by the callback of another, and as many streams as handlers that block.
TEST_P(CallbackOnOwnThreads, RunManyAtOnceOnTheExecutorThatWasGiven) {
  const auto executor = std::make_shared<ThreadExecutor>(2);
  server_options.executor = executor;
  std::atomic<int> elsewhere = 0;
  server().Register(kUnary, [&](Context&, const std::string& text) -> absl::StatusOr<std::string> {
    if (!executor->Runs(std::this_thread::get_id())) ++elsewhere;
    return text;
  });
  const std::string text(1000, 'x');
  server().Register(kDown, [&](Context&, const std::string&, Writer<std::string>& writer) {
    for (int i = 0; i < 300; ++i) {
      if (absl::Status s = writer.Write(text); !s.ok()) return s;
    }
    return absl::OkStatus();
  });
  Start();
  const auto client_executor = std::make_shared<ThreadExecutor>(2);
  ClientOptions options;
  options.executor = client_executor;
  const Client client = Connect(std::move(options));

  constexpr int kCalls = 5000, kAtOnce = 64, kStreams = 8;
  std::atomic<int> begun = 0;
  Counter ended;
  std::function<void()> next = [&] {
    const int number = begun++;
    if (number >= kCalls) return;
    client.AsyncCall(kUnary, absl::StrCat(number))
        .Then([&, number](const absl::StatusOr<std::string>& result) {
          EXPECT_TRUE(result.ok() && *result == absl::StrCat(number)) << result.status();
          if (!client_executor->Runs(std::this_thread::get_id())) ++elsewhere;
          next();
          ended.Add();
        });
  };
  for (int i = 0; i < kAtOnce; ++i) next();
  std::vector<ClientReader<std::string>> streams;
  for (int i = 0; i < kStreams; ++i) streams.push_back(client.Call(kDown, ""));
  for (ClientReader<std::string>& stream : streams) {
    int read = 0;
    while (std::optional<std::string> message = stream.Next()) read += *message == text ? 1 : 0;
    EXPECT_EQ(read, 300);
    EXPECT_EQ(stream.Finish(), absl::OkStatus());
  }
  EXPECT_TRUE(ended.Reaches(kCalls));
  EXPECT_EQ(elsewhere, 0);
  StopServer();
}

// Threads inherit the name of the one that starts them, unless, as gRPC's do, they give themselves
// another.
std::string ThreadName() {
  char name[16] = {};
  prctl(PR_GET_NAME, name);
  return name;
}

TEST_P(CallbackOnOwnThreads, AndHandlersAndStopCallbacksRunOnNoThreadOfGrpcs) {
  prctl(PR_SET_NAME, "application");
  Slip<std::string> handler, stop, read;
  server().Register(
      kBoth, [&](Context& ctx, Reader<std::string>&, Writer<std::string>& out) -> absl::Status {
        handler.Put(ThreadName());
        std::stop_callback on_stop(ctx.stop_token(), [&] { stop.Put(ThreadName()); });
        out.Write("").IgnoreError();
        EXPECT_TRUE(StopRequested(ctx.stop_token()));
        return absl::OkStatus();
      });
  Start();
  auto stream = Connect().Call(kBoth);
  stream.AsyncNext().Then([&](std::optional<std::string>) { read.Put(ThreadName()); });
  EXPECT_EQ(read.Take(""), "application");
  stream.Cancel();
  EXPECT_EQ(stop.Take(""), "application");
  EXPECT_EQ(handler.Take(""), "application");
  StopServer();
}

}  // namespace
}  // namespace parley::call_test
