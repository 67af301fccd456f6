// Who may go before whom: calls go on without their client object and end when their server goes,
// and what an application still holds of them may outlive both.
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

constexpr absl::StatusCode kUnavailable = absl::StatusCode::kUnavailable;

class Lifetime : public EveryKind {
 protected:
  // A server whose handlers echo once go_on_ is open.
  void ServeLateEcho() {
    Serve([this](Part& part) -> Task<absl::Status> {
      started.Add();
      EXPECT_TRUE(go_on_.Opens());
      absl::Status status = co_await Echo(part);
      if (part.context.cancelled()) stopped.Add();
      co_return status;
    });
  }

  Gate go_on_;
};
INSTANTIATE_TEST_SUITE_P(All, Lifetime,
                         testing::Combine(testing::ValuesIn(kWires), testing::ValuesIn(kKinds)),
                         NameOf<EveryKind::ParamType>);

TEST_P(Lifetime, OfACallIsNotThatOfItsClient) {
  ServeLateEcho();
  auto client = std::make_unique<Client>(Connect());
  const auto call = Open(*client);
  const auto waited_for = Open(*client);
  Slip<absl::Status> status;
  std::thread waiting([&] { status.Put(waited_for->End()); });
  EXPECT_TRUE(started.Reaches(2));
  client.reset();
  EXPECT_FALSE(status.is_there());
  go_on_.Open();
  EXPECT_EQ(call->Write("without a client"), absl::OkStatus());
  EXPECT_EQ(call->End(), absl::OkStatus());
  EXPECT_EQ(call->responses.size(), 1u);
  EXPECT_EQ(status.Take(absl::UnknownError("none")), absl::OkStatus());
  waiting.join();
  StopServer();
  EXPECT_EQ(stopped.value(), 0);
}

TEST_P(Lifetime, OfACallEndsWithThatOfTheServer) {
  ServeHeldCalls();
  const Client client = Connect();
  const auto call = Open(client);
  const auto waited_for = Open(client);
  Slip<absl::Status> status;
  std::thread waiting([&] { status.Put(waited_for->End()); });
  EXPECT_TRUE(started.Reaches(2));
  DestroyServer();
  EXPECT_EQ(stopped.value(), 2);
  EXPECT_THAT(call->End(), HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(status.Take(absl::OkStatus()), HasCode(absl::StatusCode::kUnavailable));
  waiting.join();
}

TEST_P(Lifetime, OfAServerMayBeShorterThanItsClients) {
  Serve(Echo);
  const Client client = Connect();
  const Client unused = Connect();
  EXPECT_EQ(Open(client)->End(), absl::OkStatus());
  DestroyServer();
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(Open(client)->End(), HasCode(kUnavailable));
    EXPECT_THAT(Open(unused)->End(), HasCode(kUnavailable));
  }
}

TEST_P(Lifetime, OfAServerThatNeverStartedEndsToo) {
  RegisterScript(server(), engine_, kind(), Form::kPlain, Echo);
  const Client client = Client::Local(server());
  EXPECT_THAT(Open(client)->End(), HasCode(kUnavailable));
  DestroyServer();
  EXPECT_THAT(Open(client)->End(), HasCode(kUnavailable));
}

TEST_P(Lifetime, OfACallsObjectMayBeLongerThanThatOfClientAndServer) {
  ServeHeldCalls();
  auto client = std::make_unique<Client>(Connect());
  auto used = Open(*client);
  auto dropped = Open(*client);
  auto cancelled = Open(*client);
  EXPECT_TRUE(started.Reaches(3));
  client.reset();
  DestroyServer();
  cancelled->Cancel();
  cancelled->Cancel();
  EXPECT_EQ(used->Next(), std::nullopt);
  if (StreamsRequests(kind())) {
    // Where there is no response to wait for, writes are still taken until the end has been seen.
    absl::Status written;
    for (int i = 0; i < 1'000'000 && written.ok(); ++i) written = used->Write("to nobody");
    EXPECT_FALSE(written.ok());
  }
  EXPECT_THAT(used->End(), HasCode(kUnavailable));
  dropped.reset();
}

TEST_P(Lifetime, OfAServerEndsWhileItsClientsCallAndLeave) {
  Serve(Echo);
  Counter called;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, client = std::make_unique<Client>(Connect())]() mutable {
      absl::Status status;
      for (int i = 0; i < 100'000 && status.ok(); ++i) {
        const auto call = Open(*client);
        status = call->End();
        called.Add();
      }
      EXPECT_THAT(status, HasCode(kUnavailable));
      client.reset();
    });
  }
  EXPECT_TRUE(called.Reaches(30));
  DestroyServer();
  for (std::thread& thread : threads) thread.join();
}

// --- Of objects that are copied and moved, and of the last one.

class LifetimeOfTheLast : public EveryWire {
 protected:
  void ServeEcho() {
    for (const MethodKind kind : kKinds) {
      RegisterScript(server(), engine_, kind, Form::kPlain, Echo);
    }
    Start();
  }

  Engine engine_;
  Gate done_;
};
INSTANTIATE_TEST_SUITE_P(All, LifetimeOfTheLast, testing::ValuesIn(kWires), NameOf<WireRow>);

TEST_P(LifetimeOfTheLast, CopyOfAClientIsThatOfItsConnection) {
  ServeEcho();
  std::optional<Client> first = Connect();
  std::optional<Client> copy = first;
  EXPECT_EQ(first->Call(kUnary, "first").value_or("an error"), "first");
  first.reset();
  EXPECT_EQ(copy->Call(kUnary, "copy").value_or("an error"), "copy");
  const Client moved = *std::move(copy);
  copy.reset();
  EXPECT_EQ(moved.Call(kUnary, "moved").value_or("an error"), "moved");
  Client assigned("127.0.0.1:1");
  assigned = moved;
  EXPECT_EQ(assigned.Call(kUnary, "assigned").value_or("an error"), "assigned");
}

TEST_P(LifetimeOfTheLast, StreamThatWasMovedIsThatOfTheCall) {
  ServeEcho();
  auto stream =
      std::make_unique<ClientReaderWriter<std::string, std::string>>(Connect().Call(kBoth));
  ClientReaderWriter<std::string, std::string> moved = std::move(*stream);
  stream.reset();
  EXPECT_EQ(moved.Write("moved"), absl::OkStatus());
  EXPECT_EQ(moved.Next(), "moved");
  {
    auto other = Connect().Call(kBoth);
    moved = std::move(other);
  }
  EXPECT_EQ(moved.Write("the other"), absl::OkStatus());
  moved.WritesDone();
  EXPECT_EQ(moved.Next(), "the other");
  EXPECT_EQ(moved.Next(), std::nullopt);
  EXPECT_EQ(moved.Finish(), absl::OkStatus());
}

TEST_P(LifetimeOfTheLast, PendingResultMayBeLongerThanEverythingElses) {
  Counter started;
  server().Register(kBoth, [&](Context& ctx, Reader<std::string>&, Writer<std::string>&) {
    started.Add();
    EXPECT_TRUE(StopRequested(ctx.stop_token()));
    return absl::OkStatus();
  });
  server().Register(kUnary, [&](Context& ctx, const std::string&) -> absl::StatusOr<std::string> {
    started.Add();
    EXPECT_TRUE(StopRequested(ctx.stop_token()));
    return "too late";
  });
  Start();
  auto client = std::make_unique<Client>(Connect());
  auto unary = client->AsyncCall(kUnary, "");
  auto never_taken = client->AsyncCall(kUnary, "");
  auto stream = std::make_unique<ClientReaderWriter<std::string, std::string>>(client->Call(kBoth));
  auto read = stream->AsyncNext();
  auto written = stream->AsyncWrite(std::string(1'000'000, 'x'));
  Slip<bool> called_back;
  client->AsyncCall(kUnary, "").Then([&](absl::StatusOr<std::string> result) {
    called_back.Put(result.status().code() == kUnavailable);
  });
  EXPECT_TRUE(started.Reaches(4));
  client.reset();
  DestroyServer();
  EXPECT_TRUE(called_back.Take(false));
  EXPECT_THAT(std::move(unary).Wait().status(), HasCode(kUnavailable));
  stream.reset();
  EXPECT_EQ(std::move(read).Wait(), std::nullopt);
  // Of the server's end, the stream's and the message's, one was first.
  EXPECT_THAT(std::move(written).Wait(), testing::AnyOf(absl::OkStatus(), HasCode(kUnavailable),
                                                        HasCode(absl::StatusCode::kCancelled)));
}

// Of the client, of the stream and of the server: all by one callback.
TEST_P(LifetimeOfTheLast, ReferenceMayEndInACallback) {
  ServeEcho();
  auto client = std::make_unique<Client>(Connect());
  auto stream = std::make_unique<ClientReaderWriter<std::string, std::string>>(client->Call(kBoth));
  ClientReaderWriter<std::string, std::string>& kept = *stream;
  kept.AsyncNext().Then([&, client = std::move(client),
                         stream = std::move(stream)](std::optional<std::string> message) mutable {
    EXPECT_EQ(message, "first");
    client.reset();
    stream.reset();
    DestroyServer();
    done_.Open();
  });
  kept.Write("first").IgnoreError();
  EXPECT_TRUE(done_.Opens());
}

TEST_P(LifetimeOfTheLast, ReferenceMayEndInACoroutine) {
  ServeEcho();
  Spawn([](Client client, Gate& done) -> Task<void> {
    const std::string request = "the last";
    const absl::StatusOr<std::string> response = co_await client.AsyncCall(kUnary, request);
    EXPECT_EQ(response.value_or("an error"), "the last");
    { const Client gone = std::move(client); }
    done.Open();
  }(Connect(), done_));
  EXPECT_TRUE(done_.Opens());
}

TEST_P(LifetimeOfTheLast, ReferenceToAClientMayEndInAHandler) {
  RegisterScript(server(), engine_, MethodKind::kUnary, Form::kPlain, Echo);
  server().Register(kDown, [&](Context& ctx, const std::string& request, Writer<std::string>& out) {
    const Client client = Connect();
    const auto inner = client.Call(kUnary, request, ctx.Child());
    return out.Write(inner.value_or("an error"));
  });
  Start();
  for (int i = 0; i < 10; ++i) {
    auto stream = Connect().Call(kDown, "by way of two");
    EXPECT_EQ(stream.Next(), "by way of two");
    EXPECT_EQ(stream.Next(), std::nullopt);
    EXPECT_EQ(stream.Finish(), absl::OkStatus());
  }
}

// What an asynchronous handler keeps of the server's end keeps the server.
TEST_P(LifetimeOfTheLast, ServerCallIsThatOfTheServer) {
  std::vector<ServerCall<Unary<std::string, std::string>>> kept;
  Counter is_kept;
  server().Register(kUnary, [&](ServerCall<Unary<std::string, std::string>> call) {
    kept.push_back(std::move(call));
    is_kept.Add();
  });
  Start();
  const Client client = Connect();
  const auto call = AnyCall::Open(client, MethodKind::kUnary);
  ASSERT_TRUE(is_kept.Reaches(1));
  Gate dropped;
  std::thread destroying([&] {
    DestroyServer();
    EXPECT_TRUE(dropped.is_open());
  });
  // The server tells the client at once; the handler's part is still in the application's hands.
  EXPECT_THAT(call->End(), HasCode(kUnavailable));
  EXPECT_TRUE(StopRequested(kept[0].context().stop_token()));
  dropped.Open();
  std::move(kept[0]).Finish("too late");
  kept.clear();
  destroying.join();
}

}  // namespace
}  // namespace parley::call_test
