// Clients whose server breaks the session protocol, or uses it as nobody should: calls on that session
// end with a clear status, those of other kinds and of other clients don't notice.
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/bad_input/raw_session_server.h"
#include "tests/bad_input/session_batch.h"
#include "tests/call/any_call.h"
#include "tests/call/wire_fixture.h"

namespace parley::bad_input_test {

struct BadAnswer {
  const char* name;
  std::vector<std::string> batches;
  const char* error;
};
void PrintTo(const BadAnswer& answer, std::ostream* out) { *out << answer.name; }

namespace {

using call_test::AnyCall;
using call_test::HasCode;
using call_test::IsStatus;
using call_test::kBoth;
using call_test::kKinds;
using call_test::kUnary;
using call_test::NameOf;

constexpr int kFlood = 100'000;

// Beside a client and a server as they should be, with a call that goes on all through the test.
class BadSessionServer : public call_test::WireFixture, public testing::Test {
 protected:
  BadSessionServer() : WireFixture(call_test::kSession) {
    RegisterScript(server(), engine_, MethodKind::kBidi, call_test::Form::kCoroutine,
                   call_test::Echo);
    Start();
    good_ = std::make_unique<Client>(Connect());
    stream_.emplace(good_->Call(kBoth));
    ExpectServes();
  }
  void TearDown() override {
    ExpectServes();
    stream_.reset();
    good_.reset();
    StopServer();
  }
  void ExpectServes() {
    EXPECT_EQ(stream_->Write("ping"), absl::OkStatus());
    EXPECT_EQ(stream_->Next().value_or(""), "ping");
  }
  // What is no session the raw server answers like any gRPC server.
  static void ExpectAnswersPlainCalls(const Client& client) {
    EXPECT_THAT(client.Call(kUnary, "", {.wire = Wire::kPlain}).status(),
                HasCode(absl::StatusCode::kUnimplemented));
  }

  Client ConnectTo(const RawSessionServer& server) const {
    ClientOptions options;
    options.wire = Wire::kSession;
    options.log = log_.log();
    return Client(server.target(), options);
  }

  mutable call_test::LogLines log_;
  call_test::Engine engine_;
  std::unique_ptr<Client> good_;
  std::optional<ClientReaderWriter<std::string, std::string>> stream_;
};

// --- What ends the session.

class ProtocolBreachOfAServer : public BadSessionServer,
                                public testing::WithParamInterface<BadAnswer> {};

TEST_P(ProtocolBreachOfAServer, EndsTheCallsOfItsSession) {
  const RawSessionServer raw(GetParam().batches);
  const Client client = ConnectTo(raw);
  const auto call =
      AnyCall::Open(client, MethodKind::kBidi, {.timeout = absl::FromChrono(call_test::kPatience)});
  EXPECT_THAT(call->End(),
              IsStatus(absl::StatusCode::kInternal, absl::StrCat(kBroken, GetParam().error)));
  EXPECT_TRUE(call->responses.empty());
  ExpectAnswersPlainCalls(client);
}

const std::string kBegin = Batch(kHello);
const BadAnswer kBreaches[] = {
    {"NoFramesAtTheBeginning", {kNoFrames}, "malformed bytes"},
    {"CutShortAtTheBeginning", {WithoutLastByte(kBegin)}, "malformed bytes"},
    {"NoFrames", {kBegin, kNoFrames}, "malformed bytes"},
    {"FrameOfNoEnd", {kBegin, kFrameOfNoEnd}, "malformed bytes"},
    {"NumberOfNoEnd", {kBegin, kNumberOfNoEnd}, "malformed bytes"},
    {"CutShort", {kBegin, WithoutLastByte(Batch("exchange: 1 message: 'bad'"))}, "malformed bytes"},
    {"UnknownPart", {kBegin, kUnknownPart}, "a part of a frame that is not known"},
    {"NoHello", {Batch("exchange: 1 message: 'bad'")}, "no Hello at the beginning"},
    {"NoRevision", {Batch("hello { max_exchanges: 1 }")}, "a Hello without a revision"},
    {"SecondHello", {kBegin, Batch(kHello)}, "a second Hello"},
    {"UnknownExchange",
     {kBegin, Batch("exchange: 2 status { }")},
     "an exchange that was never opened"},
    {"PartOfAClients",
     {kBegin, Batch("exchange: 1 cancel: true")},
     "a part that only this side sends"},
    {"OkAmidAMessage",
     {kBegin, Batch("exchange: 1 message: 'bad' remaining_bytes: 1", "exchange: 1 status { }")},
     "an end amid a message"},
    {"TooMuchCredit",
     {kBegin, Batch("exchange: 1 credit_bytes: 1099511627776"),
      Batch("exchange: 1 credit_bytes: 1099511627776")},
     "more credit than there can be"},
    {"MoreThanWasGranted",
     {kBegin, Batch(absl::StrCat("exchange: 1 message: '", std::string(20'000, 'x'), "'"))},
     "more than was granted"},
    {"BadMetadata",
     {kBegin, Batch("exchange: 1 headers { entries { key: 'k y' } }")},
     "malformed metadata"},
};
INSTANTIATE_TEST_SUITE_P(All, ProtocolBreachOfAServer, testing::ValuesIn(kBreaches),
                         NameOf<BadAnswer>);

// --- What does not.

TEST_F(BadSessionServer, ThatSendsEachPartInAFrameOfItsOwnIsUnderstood) {
  const RawSessionServer raw(
      {kBegin, Batch("exchange: 1 headers { entries { key: 'k' value: 'v' } }",
                     "exchange: 1 message: 'served'", "exchange: 1 status { }")});
  EXPECT_EQ(ConnectTo(raw).Call(kUnary, "").value_or("an error"), "served");
}

// What was said first stays: the application may be looking at it.
TEST_F(BadSessionServer, ThatSaysItsMetadataTwiceHasSaidItOnce) {
  const std::string first = "exchange: 1 headers { entries { key: 'first' value: 'v' } }";
  const std::string second = "exchange: 1 headers { entries { key: 'second' value: 'v' } }";
  const std::string message = "exchange: 1 message: 'served'";
  const std::string end = "exchange: 1 status { }";
  for (const auto& [answer, said] : {std::pair(Batch(first, second, message, end), 1),
                                     std::pair(Batch(message, second, end), 0)}) {
    const RawSessionServer raw({kBegin, answer});
    ResponseMetadata response;
    EXPECT_EQ(ConnectTo(raw).Call(kUnary, "", {.response = &response}).value_or("an error"),
              "served");
    EXPECT_EQ(response.initial.Get("first").has_value(), said == 1);
    EXPECT_FALSE(response.initial.Get("second").has_value());
  }
}

TEST_F(BadSessionServer, ThatSendsMoreThanOneResponseFailsTheCall) {
  const char* message = "exchange: 1 message: 'served'";
  for (const std::string& answer :
       {Batch(message, message, "exchange: 1 status { }"),
        Batch("exchange: 1 headers { }", message, message, "exchange: 1 status { }"),
        Batch("exchange: 1 headers { }", message, "exchange: 1 message: 'served' status { }")}) {
    const RawSessionServer raw({kBegin, answer});
    EXPECT_THAT(ConnectTo(raw).Call(kUnary, "").status(),
                IsStatus(absl::StatusCode::kInternal, "the server sent more than one response"));
  }
}

// Frames as many as nobody needs, and then an answer.
TEST_F(BadSessionServer, ThatSendsAFloodOfFramesHarmsNobody) {
  for (const std::string& frame :
       {std::string(), std::string("exchange: 1"), std::string("exchange: 1 credit_bytes: 1")}) {
    std::vector<std::string> frames(kFlood, frame);
    frames.push_back("exchange: 1 message: 'served' status { }");
    const RawSessionServer raw({kBegin, BatchOf(frames)});
    const Client client = ConnectTo(raw);
    EXPECT_EQ(client.Call(kUnary, "").value_or("an error"), "served") << frame;
  }
}

TEST_F(BadSessionServer, ThatNeverReadsCostsNoMoreThanTheDeadline) {
  const RawSessionServer raw({kBegin}, /*reads=*/false);
  const Client client = ConnectTo(raw);
  std::vector<std::unique_ptr<AnyCall>> calls;
  for (int i = 0; i < 200; ++i) {
    for (const MethodKind kind : kKinds) {
      calls.push_back(AnyCall::Open(client, kind, {.timeout = absl::Milliseconds(500)},
                                    std::string(10'000, 'r')));
    }
  }
  ExpectServes();
  for (const auto& call : calls) {
    EXPECT_THAT(call->End(), HasCode(absl::StatusCode::kDeadlineExceeded));
  }
  ExpectAnswersPlainCalls(client);
}

TEST_F(BadSessionServer, ThatNeverGreetsCostsNoMoreThanTheDeadline) {
  const RawSessionServer raw({});
  const Client client = ConnectTo(raw);
  for (const MethodKind kind : kKinds) {
    const auto call = AnyCall::Open(client, kind, {.timeout = absl::Milliseconds(300)});
    EXPECT_THAT(call->End(), HasCode(absl::StatusCode::kDeadlineExceeded));
  }
  ExpectAnswersPlainCalls(client);
}

// --- What is rare, and no mistake.

const std::string kTakesOneCall = Batch("hello { revision: 1 max_exchanges: 1 }");
std::string Answer(int exchange) {
  return Batch(absl::StrCat("exchange: ", exchange, " message: '", exchange, "' status { }"));
}

TEST_F(BadSessionServer, ThatTakesOneCallAtATimeGetsThemInTurn) {
  const RawSessionServer raw({kTakesOneCall, Answer(1), RawSessionServer::kAwait, Answer(2),
                              RawSessionServer::kAwait, Answer(3)});
  const Client client = ConnectTo(raw);
  const CallOptions patient = {.timeout = absl::FromChrono(call_test::kPatience),
                               .wait_for_ready = true};
  Pending<absl::StatusOr<std::string>> first = client.AsyncCall(kUnary, "", patient);
  Pending<absl::StatusOr<std::string>> second = client.AsyncCall(kUnary, "", patient);
  Pending<absl::StatusOr<std::string>> third = client.AsyncCall(kUnary, "", patient);
  EXPECT_EQ(std::move(third).Wait().value_or("an error"), "3");
  EXPECT_EQ(std::move(second).Wait().value_or("an error"), "2");
  EXPECT_EQ(std::move(first).Wait().value_or("an error"), "1");
}

TEST_F(BadSessionServer, ThatIsFullFailsCallsThatDoNotWaitForIt) {
  const RawSessionServer raw({kTakesOneCall});
  const Client client = ConnectTo(raw);
  const auto only = AnyCall::Open(client, MethodKind::kBidi, {.wait_for_ready = true});
  for (const MethodKind kind : kKinds) {
    EXPECT_THAT(AnyCall::Open(client, kind)->End(),
                IsStatus(absl::StatusCode::kResourceExhausted,
                         "all sessions have as many calls as they take"));
    const CallOptions patient = {.timeout = absl::Milliseconds(100), .wait_for_ready = true};
    EXPECT_THAT(AnyCall::Open(client, kind, patient)->End(),
                HasCode(absl::StatusCode::kDeadlineExceeded));
  }
}

}  // namespace
}  // namespace parley::bad_input_test
