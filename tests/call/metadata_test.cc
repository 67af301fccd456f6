// Metadata, in every kind of call and form of handler: what either end sends arrives as it was sent,
// and what gRPC would refuse is an error before anything is sent.
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/call/any_call.h"
#include "tests/call/gate.h"
#include "tests/call/listening_socket.h"
#include "tests/call/wire_fixture.h"

namespace parley::call_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

std::string AllBytes() {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.push_back(static_cast<char>(byte));
  return bytes;
}

// Of everything that is allowed, something.
Metadata Sample() {
  return {{"x-text", "one"},   {"x-data-bin", AllBytes()}, {"X-Text", "two, with a comma"},
          {"x-data-bin", ""},  {"X-UPPER-Case", "Value"},  {"x-data-bin", std::string(1, '\0')},
          {"x-text", "one"},   {"x-data-bin", "\xff"},     {"x-empty", ""},
          {"x_0.9-", " !\"#~"}};
}

using Values = std::map<std::string, std::vector<std::string>>;

// The values of each key in order, of keys that are the test's own.
Values ByKey(const Metadata& metadata) {
  Values values;
  for (const auto& [key, value] : metadata) {
    if (absl::StartsWith(key, "x")) values[key].push_back(value);
  }
  return values;
}

// What came of a whole call.
struct Outcome {
  absl::Status status;
  ResponseMetadata got;
};

Outcome CallOf(const Client& client, MethodKind kind, const Metadata* sent = nullptr) {
  Outcome outcome;
  // What was in it before must not stay.
  outcome.got = {{{"x-stale", "initial"}}, {{"x-stale", "trailing"}}};
  const CallOptions options = {.metadata = sent, .response = &outcome.got};
  const auto end = [&outcome](auto stream) {
    while (stream.Next()) {
    }
    outcome.got = {stream.initial_metadata(), stream.trailing_metadata()};
    outcome.status = stream.Finish();
  };
  switch (kind) {
    case MethodKind::kUnary:
      outcome.status = client.Call(kUnary, "request", options).status();
      break;
    case MethodKind::kClientStreaming:
      outcome.status = client.Call(kUp, options).Finish().status();
      break;
    case MethodKind::kServerStreaming:
      end(client.Call(kDown, "request", options));
      break;
    case MethodKind::kBidi: {
      auto stream = client.Call(kBoth, options);
      stream.WritesDone();
      end(std::move(stream));
      break;
    }
  }
  return outcome;
}

class CallMetadata : public WireFixture,
                     public testing::TestWithParam<std::tuple<WireRow, MethodKind, Form>> {
 protected:
  CallMetadata() : WireFixture(std::get<0>(GetParam())) {}
  void TearDown() override { StopServer(); }

  MethodKind kind() const { return std::get<1>(GetParam()); }
  void Serve(Script script) {
    RegisterScript(server(), engine_, kind(), std::get<2>(GetParam()), std::move(script));
    Start();
  }

  Engine engine_;
};
INSTANTIATE_TEST_SUITE_P(All, CallMetadata,
                         testing::Combine(testing::ValuesIn(kWires), testing::ValuesIn(kKinds),
                                          testing::ValuesIn(kForms)),
                         NameOf<CallMetadata::ParamType>);

TEST_P(CallMetadata, OfTheRequestReachesTheHandlerAsItWasSent) {
  Slip<Values> seen;
  Serve([&](Part& part) -> Task<absl::Status> {
    seen.Put(ByKey(part.context.metadata()));
    co_return absl::OkStatus();
  });
  const Client client = Connect();
  const Metadata sent = Sample();
  EXPECT_EQ(CallOf(client, kind(), &sent).status, absl::OkStatus());
  const Values values = seen.Take({});
  EXPECT_EQ(values, ByKey(sent));
  EXPECT_EQ(values.count("x-upper-case"), 1u);
}

TEST_P(CallMetadata, OfTheResponseReachesTheClientAsItWasSent) {
  Serve([](Part& part) -> Task<absl::Status> {
    const Metadata sample = Sample();
    for (const auto& [key, value] : sample) {
      EXPECT_EQ(part.context.AddInitialMetadata(key, value), absl::OkStatus());
    }
    absl::Status written = co_await part.Write("message");
    if (!written.ok()) co_return written;
    EXPECT_EQ(part.context.AddTrailingMetadata("X-First", "Of The Trailing"), absl::OkStatus());
    for (const auto& [key, value] : sample) {
      EXPECT_EQ(part.context.AddTrailingMetadata(key, value), absl::OkStatus());
    }
    co_return absl::OkStatus();
  });
  const Outcome outcome = CallOf(Connect(), kind());
  EXPECT_EQ(outcome.status, absl::OkStatus());
  Values values = ByKey(Sample());
  EXPECT_EQ(ByKey(outcome.got.initial), values);
  values["x-first"] = {"Of The Trailing"};
  EXPECT_EQ(ByKey(outcome.got.trailing), values);
}

TEST_P(CallMetadata, OfTheResponseComesWithAnErrorToo) {
  Serve([](Part& part) -> Task<absl::Status> {
    EXPECT_EQ(part.context.AddInitialMetadata("x-initial", "before"), absl::OkStatus());
    EXPECT_EQ(part.context.AddTrailingMetadata("x-trailing", "why"), absl::OkStatus());
    EXPECT_EQ(part.context.AddTrailingMetadata("x-trailing", "and how"), absl::OkStatus());
    co_return absl::NotFoundError("nothing here");
  });
  const Outcome outcome = CallOf(Connect(), kind());
  EXPECT_EQ(outcome.status, absl::NotFoundError("nothing here"));
  EXPECT_EQ(ByKey(outcome.got.initial), (Values{{"x-initial", {"before"}}}));
  EXPECT_EQ(ByKey(outcome.got.trailing), (Values{{"x-trailing", {"why", "and how"}}}));
}

TEST_P(CallMetadata, ThatAHandlerMayNotSendIsRefusedAndTheCallGoesOn) {
  Serve([](Part& part) -> Task<absl::Status> {
    for (const char* key : {"", "not legal", ":status", "grpc-status", "Grpc-Encoding", "x/y"}) {
      EXPECT_THAT(part.context.AddInitialMetadata(key, "x"), HasCode(kInvalid)) << key;
      EXPECT_THAT(part.context.AddTrailingMetadata(key, "x"), HasCode(kInvalid)) << key;
    }
    EXPECT_THAT(part.context.AddInitialMetadata("x-key", "line\nbreak"), HasCode(kInvalid));
    EXPECT_THAT(part.context.AddTrailingMetadata("x-key", "\xe2\x82\xac"), HasCode(kInvalid));
    absl::Status written = co_await part.Write("message");
    co_return written;
  });
  const Outcome outcome = CallOf(Connect(), kind());
  EXPECT_EQ(outcome.status, absl::OkStatus());
  EXPECT_THAT(ByKey(outcome.got.initial), IsEmpty());
  EXPECT_THAT(ByKey(outcome.got.trailing), IsEmpty());
}

// --- What is refused before anything is sent.

class RefusedMetadata : public EveryKind {};
INSTANTIATE_TEST_SUITE_P(All, RefusedMetadata,
                         testing::Combine(testing::ValuesIn(kWires), testing::ValuesIn(kKinds)),
                         NameOf<EveryKind::ParamType>);

TEST_P(RefusedMetadata, FailsTheCallUnsent) {
  Serve([this](Part&) -> Task<absl::Status> {
    started.Add();
    co_return absl::OkStatus();
  });
  const Client client = Connect();
  const Metadata::Entry refused[] = {{"", "x"},
                                     {"x key", "x"},
                                     {"x-\xc3\xa4", "x"},
                                     {"x-key:", "x"},
                                     {":path", "/other.Service/Method"},
                                     {"grpc-timeout", "1S"},
                                     {"Grpc-Tags-Bin", "x"},
                                     {"x-text", "line\nbreak"},
                                     {"x-text", "\xff"},
                                     {"x-text", std::string(1, '\0')},
                                     {"x-text", "\x7f"}};
  for (const Metadata::Entry& entry : refused) {
    const Metadata sent = {{"x-good", "x"}, entry};
    const Outcome outcome = CallOf(client, kind(), &sent);
    EXPECT_THAT(outcome.status, HasCode(kInvalid)) << entry.first;
    EXPECT_THAT(outcome.got.initial, IsEmpty());
    EXPECT_THAT(outcome.got.trailing, IsEmpty());
  }
  EXPECT_EQ(CallOf(client, kind()).status, absl::OkStatus());
  StopServer();
  EXPECT_EQ(started.value(), 1);
}

// --- When it can be read and written.

class LateMetadata : public EveryWire {};
INSTANTIATE_TEST_SUITE_P(All, LateMetadata, testing::ValuesIn(kWires),
                         NameOf<LateMetadata::ParamType>);

// Another thread is at it while the call is finished: what was taken arrives, and nothing else is taken.
TEST_P(LateMetadata, IsRefusedOnceTheCallHasBeenFinished) {
  constexpr int kMost = 50;  // more would not fit into gRPC's headers
  std::size_t initial = 0, trailing = 0;
  server().Register(kUnary, [&](ServerCall<Unary<std::string, std::string>> call) {
    Gate adds;
    std::thread adding([&] {
      for (int i = 0; i < kMost; ++i) {
        if (call.context().AddInitialMetadata("x-initial", "1").ok()) ++initial;
        if (call.context().AddTrailingMetadata("x-trailing", "1").ok()) ++trailing;
        adds.Open();
      }
    });
    EXPECT_TRUE(adds.Opens());
    std::move(call).Finish("answer");
    adding.join();
    for (const absl::Status& late : {call.context().AddInitialMetadata("x-initial", "2"),
                                     call.context().AddTrailingMetadata("x-trailing", "2")}) {
      EXPECT_THAT(late, HasCode(absl::StatusCode::kFailedPrecondition));
    }
  });
  Start();
  const Outcome outcome = CallOf(Connect(), MethodKind::kUnary);
  StopServer();
  ASSERT_EQ(outcome.status, absl::OkStatus());
  EXPECT_THAT(outcome.got.initial.GetAll("x-initial"), SizeIs(initial));
  EXPECT_THAT(outcome.got.trailing.GetAll("x-trailing"), SizeIs(trailing));
}

class InitialMetadata : public EveryKind {
 protected:
  template <class Body>
  void WithStream(const Client& client, Body body) {
    if (kind() == MethodKind::kBidi) return body(client.Call(kBoth));
    body(client.Call(kDown, "request"));
  }
};
INSTANTIATE_TEST_SUITE_P(All, InitialMetadata,
                         testing::Combine(testing::ValuesIn(kWires),
                                          testing::Values(MethodKind::kServerStreaming,
                                                          MethodKind::kBidi)),
                         NameOf<EveryKind::ParamType>);

TEST_P(InitialMetadata, IsReadableBeforeTheFirstMessageAndTheEnd) {
  Gate seen;
  Serve([&](Part& part) -> Task<absl::Status> {
    EXPECT_EQ(part.context.AddInitialMetadata("x-id", "7"), absl::OkStatus());
    absl::Status written = co_await part.Write("first");
    EXPECT_TRUE(seen.Opens());
    EXPECT_EQ(part.context.AddTrailingMetadata("x-end", "8"), absl::OkStatus());
    co_return written;
  });
  WithStream(Connect(), [&](auto stream) {
    EXPECT_THAT(stream.initial_metadata().GetAll("x-id"), ElementsAre("7"));
    EXPECT_EQ(stream.Next(), "first");
    seen.Open();
    EXPECT_THAT(stream.trailing_metadata().GetAll("x-end"), ElementsAre("8"));
    EXPECT_THAT(stream.initial_metadata().GetAll("x-id"), ElementsAre("7"));
    EXPECT_EQ(stream.Next(), std::nullopt);
    EXPECT_EQ(stream.Finish(), absl::OkStatus());
  });
}

TEST_P(InitialMetadata, AddedAfterTheFirstMessageIsRefusedAndTheCallGoesOn) {
  Serve([](Part& part) -> Task<absl::Status> {
    EXPECT_EQ(part.context.AddInitialMetadata("x-id", "in time"), absl::OkStatus());
    absl::Status written = co_await part.Write("first");
    EXPECT_THAT(part.context.AddInitialMetadata("x-id", "too late"),
                HasCode(absl::StatusCode::kFailedPrecondition));
    EXPECT_EQ(part.context.AddTrailingMetadata("x-id", "in time"), absl::OkStatus());
    if (written.ok()) written = co_await part.Write("second");
    co_return written;
  });
  const Outcome outcome = CallOf(Connect(), kind());
  EXPECT_EQ(outcome.status, absl::OkStatus());
  EXPECT_THAT(outcome.got.initial.GetAll("x-id"), ElementsAre("in time"));
  EXPECT_THAT(outcome.got.trailing.GetAll("x-id"), ElementsAre("in time"));
}

TEST_P(InitialMetadata, OfACallThatIsCancelledWithoutAnyIsEmpty) {
  ServeHeldCalls();
  WithStream(Connect(), [&](auto stream) {
    Slip<std::size_t> initial, trailing;
    std::thread waiting([&] {
      initial.Put(stream.initial_metadata().size());
      trailing.Put(stream.trailing_metadata().size());
    });
    EXPECT_TRUE(started.Reaches(1));
    EXPECT_FALSE(initial.is_there());
    stream.Cancel();
    EXPECT_EQ(initial.Take(99), 0u);
    EXPECT_EQ(trailing.Take(99), 0u);
    waiting.join();
  });
}

class UnconnectedMetadata : public testing::TestWithParam<MethodKind> {};
INSTANTIATE_TEST_SUITE_P(All, UnconnectedMetadata, testing::ValuesIn(kKinds), NameOf<MethodKind>);

TEST_P(UnconnectedMetadata, IsEmpty) {
  ListeningSocket nobody;
  const Client client(nobody.target());
  nobody.Close();
  const Metadata sent = Sample();
  const Outcome outcome = CallOf(client, GetParam(), &sent);
  EXPECT_THAT(outcome.status, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(outcome.got.initial, IsEmpty());
  EXPECT_THAT(outcome.got.trailing, IsEmpty());
}

// --- Of asynchronous calls.

class PendingCallsMetadata : public EveryWire {
 protected:
  Engine engine_;
};
INSTANTIATE_TEST_SUITE_P(All, PendingCallsMetadata, testing::ValuesIn(kWires), NameOf<WireRow>);

TEST_P(PendingCallsMetadata, IsThereWithTheResult) {
  const Script script = [](Part& part) -> Task<absl::Status> {
    const std::string id(part.context.metadata().Get("x-id").value_or("none"));
    EXPECT_EQ(part.context.AddInitialMetadata("x-initial", id), absl::OkStatus());
    EXPECT_EQ(part.context.AddTrailingMetadata("x-trailing", id), absl::OkStatus());
    co_return absl::OkStatus();
  };
  RegisterScript(server(), engine_, MethodKind::kUnary, Form::kPlain, script);
  RegisterScript(server(), engine_, MethodKind::kClientStreaming, Form::kPlain, script);
  Start();
  const Client client = Connect();
  // Only `response` must live until the result is there.
  std::optional<Metadata> sent = Metadata{{"x-id", "of this call"}};
  ResponseMetadata unary, upload;
  auto pending = client.AsyncCall(kUnary, "", {.metadata = &*sent, .response = &unary});
  auto writer = client.Call(kUp, {.metadata = &*sent, .response = &upload});
  sent.reset();
  EXPECT_TRUE(std::move(pending).Wait().ok());
  EXPECT_TRUE(writer.AsyncFinish().Wait().ok());
  for (const ResponseMetadata& got : {unary, upload}) {
    EXPECT_THAT(got.initial.GetAll("x-initial"), ElementsAre("of this call"));
    EXPECT_THAT(got.trailing.GetAll("x-trailing"), ElementsAre("of this call"));
  }
}

}  // namespace
}  // namespace parley::call_test
