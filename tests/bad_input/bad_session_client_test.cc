// Servers whose client breaks the session protocol, or uses it as nobody should: its session ends with
// a clear status or goes on, and other sessions and calls don't notice.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/bad_input/session_batch.h"
#include "tests/call/any_call.h"
#include "tests/call/wire_fixture.h"

namespace parley::bad_input_test {

struct BadSession {
  const char* name;
  std::vector<std::string> batches;
  const char* error;
};
void PrintTo(const BadSession& session, std::ostream* out) { *out << session.name; }

namespace {

using call_test::Counter;
using call_test::IsStatus;
using call_test::kBoth;
using call_test::kUnary;
using call_test::NameOf;

// A session as a gRPC call like any other, whose messages are what the test makes up.
constexpr Bidi<std::string, std::string> kOpen{"parley.v1.SessionService/Open"};
using RawSession = ClientReaderWriter<std::string, std::string>;

constexpr char kGood[] = "good";
constexpr int kFlood = 100'000;
constexpr int kMostCalls = 2000;
const std::string kRequest = "start { method: 'test.Call/Unary' } message: 'good' end: true";
const std::string kStream = "exchange: 1 start { method: 'test.Call/Both' }";

std::string Exchange(int id, const std::string& parts) {
  return absl::StrCat("exchange: ", id, " ", parts);
}

class BadSessionClient : public call_test::WireFixture, public testing::Test {
 protected:
  BadSessionClient() : WireFixture(call_test::kSession) {
    server_options.max_live_calls = kMostCalls;
    server_options.keepalive_timeout = absl::Seconds(1);
    server().Register(kUnary, [this](Context&, const std::string& request) {
      EXPECT_EQ(request, kGood);
      runs_.Add();
      return absl::StatusOr<std::string>(std::string(response_bytes_, 'r'));
    });
    server().Register(kBoth,
                      [](Context&, Reader<std::string>& reader,
                         Writer<std::string>& writer) -> Task<absl::Status> {
                        while (std::optional<std::string> request = co_await reader.AsyncNext()) {
                          EXPECT_EQ(*request, kGood);
                          absl::Status written = co_await writer.AsyncWrite(*request);
                          if (!written.ok()) co_return written;
                        }
                        co_return reader.status();
                      });
    Start();
    client_ = std::make_unique<Client>(Connect());
    stream_.emplace(client_->Call(kBoth));
    ExpectServes();
  }
  // Shutting down waits for the last session.
  void TearDown() override {
    ExpectServes();
    stream_.reset();
    client_.reset();
    StopServer();
  }

  // A stream on a session that goes on all through the test, new calls on it, and plain ones.
  void ExpectServes() {
    EXPECT_EQ(stream_->Write(kGood), absl::OkStatus());
    EXPECT_EQ(stream_->Next().value_or(""), kGood);
    for (const Wire wire : {Wire::kSession, Wire::kPlain}) {
      EXPECT_EQ(client_->Call(kUnary, kGood, {.wire = wire}).status(), absl::OkStatus());
    }
  }

  Client ConnectRaw() {
    ClientOptions options;
    options.wire = Wire::kPlain;
    return Connect(std::move(options));
  }
  // The next frames that have come, also those of one that has ended.
  static v1::OpenResponse Next(RawSession& session) {
    v1::OpenResponse batch;
    EXPECT_TRUE(batch.ParseFromString(session.Next().value_or("")));
    return batch;
  }
  // Until the status of exchange `id`.
  static absl::StatusCode CodeOf(RawSession& session, std::uint64_t id) {
    while (true) {
      const v1::OpenResponse batch = Next(session);
      if (batch.frames().empty()) return absl::StatusCode::kUnknown;
      for (const v1::Frame& frame : batch.frames()) {
        if (frame.exchange() == id && frame.has_status()) {
          return static_cast<absl::StatusCode>(frame.status().code());
        }
      }
    }
  }

  // A session of these batches ends, and says why.
  void ExpectEnds(const std::vector<std::string>& batches, const std::string& error) {
    const Client raw = ConnectRaw();
    RawSession session = raw.Call(kOpen, {.timeout = absl::FromChrono(call_test::kPatience)});
    for (const std::string& batch : batches) session.Write(batch).IgnoreError();
    while (session.Next()) {
    }
    EXPECT_THAT(session.Finish(),
                IsStatus(absl::StatusCode::kInternal, absl::StrCat(kBroken, error)));
  }

  // Greets and makes so many calls, whose responses are more than a session takes that nobody reads.
  void CallUnread(RawSession& session, const std::string& request, int calls) {
    response_bytes_ = 16'000;
    const int runs = runs_.value();
    std::vector<std::string> frames = {kHello};
    for (int id = 1; id <= calls; ++id) frames.push_back(Exchange(id, request));
    ASSERT_EQ(session.Write(BatchOf(frames)), absl::OkStatus());
    EXPECT_TRUE(runs_.Reaches(runs + kMostCalls / 2));
  }

  std::atomic<std::size_t> response_bytes_ = 6;
  Counter runs_;
  std::unique_ptr<Client> client_;
  std::optional<ClientReaderWriter<std::string, std::string>> stream_;
};

// --- What ends the session.

class ProtocolBreach : public BadSessionClient, public testing::WithParamInterface<BadSession> {};

TEST_P(ProtocolBreach, OfAClientEndsItsSession) {
  ExpectEnds(GetParam().batches, GetParam().error);
}

TEST_F(BadSessionClient, ThatOpensFarTooManyExchangesLosesItsSession) {
  std::vector<std::string> frames = {kHello};
  for (int id = 1; id <= kFlood; ++id) {
    frames.push_back(Exchange(id, "start { method: 'test.Call/Both' }"));
  }
  ExpectEnds({BatchOf(frames)}, "far too many exchanges");
}

const std::string kBegin = Batch(kHello, kStream);
const BadSession kBreaches[] = {
    {"NoFrames", {Batch(kHello), kNoFrames}, "malformed bytes"},
    {"NoFramesAtTheBeginning", {kNoFrames}, "malformed bytes"},
    {"FrameOfNoEnd", {kBegin, kFrameOfNoEnd}, "malformed bytes"},
    {"NumberOfNoEnd", {kBegin, kNumberOfNoEnd}, "malformed bytes"},
    {"CutShort",
     {kBegin, WithoutLastByte(Batch("exchange: 1 message: 'good'"))},
     "malformed bytes"},
    {"UnknownPart", {kBegin, kUnknownPart}, "a part of a frame that is not known"},
    {"NoHello", {Batch(kStream)}, "no Hello at the beginning"},
    {"SecondHello", {kBegin, Batch(kHello)}, "a second Hello"},
    {"UnknownExchange",
     {kBegin, Batch("exchange: 2 end: true")},
     "an exchange that was never opened"},
    {"OpenedTwice", {kBegin, Batch(kStream)}, "an exchange that was opened before"},
    {"MessageAfterTheEnd",
     {kBegin, Batch("exchange: 1 end: true", "exchange: 1 message: 'bad'")},
     "a message after the end"},
    {"TooMuchCredit",
     {kBegin, Batch("exchange: 1 credit_bytes: 1099511627776", "exchange: 1 credit_bytes: 1")},
     "more credit than there can be"},
    {"MoreThanWasGranted",
     {kBegin, Batch(absl::StrCat("exchange: 1 message: '", std::string(20'000, 'x'), "'"))},
     "more than was granted"},
    {"MessageThatGrows",
     {kBegin, Batch("exchange: 1 message: 'x' remaining_bytes: 1",
                    "exchange: 1 message: 'x' remaining_bytes: 1")},
     "a message that changes its size"},
    {"BadMetadata",
     {Batch(kHello), Batch("exchange: 1 start { metadata { entries { key: 'k y' } } }")},
     "malformed metadata"},
    {"PartOfAServers",
     {kBegin, Batch("exchange: 1 status { }")},
     "a part that only this side sends"},
    {"Drain", {kBegin, Batch("drain { }")}, "Drain from a client"},
};
INSTANTIATE_TEST_SUITE_P(All, ProtocolBreach, testing::ValuesIn(kBreaches), NameOf<BadSession>);

TEST_F(BadSessionClient, ThatNeverGreetsLosesItsSession) {
  const Client raw = ConnectRaw();
  RawSession session = raw.Call(kOpen, {.timeout = absl::FromChrono(call_test::kPatience)});
  while (session.Next()) {
  }
  EXPECT_THAT(session.Finish(), IsStatus(absl::StatusCode::kUnavailable, "the peer did not greet"));
}

// --- What does not.

class Flood : public BadSessionClient {
 protected:
  // Sends as many of the frames, and then a call that must be served.
  void Send(const std::vector<std::string>& each, int first_id) {
    const Client raw = ConnectRaw();
    RawSession session = raw.Call(kOpen);
    EXPECT_EQ(session.Write(Batch(kHello)), absl::OkStatus());
    std::vector<std::string> frames;
    int id = first_id;
    for (int i = 0; i < kFlood; ++i) {
      for (const std::string& parts : each) frames.push_back(Exchange(id, parts));
      if (first_id > 0) ++id;
      if (frames.size() < 1000) continue;
      ASSERT_EQ(session.Write(BatchOf(std::exchange(frames, {}))), absl::OkStatus());
      if (i % 10'000 == 0) ExpectServes();
    }
    frames.push_back(Exchange(id + 1, kRequest));
    ASSERT_EQ(session.Write(BatchOf(frames)), absl::OkStatus());
    EXPECT_EQ(CodeOf(session, static_cast<std::uint64_t>(id) + 1), absl::StatusCode::kOk);
  }
};

TEST_F(Flood, OfOpeningsThatAreCancelledHarmsNobody) { Send({kRequest, "cancel: true"}, 1); }

TEST_F(Flood, OfEmptyFramesHarmsNobody) { Send({""}, 0); }

// The protocol leaves a peer free to say each part of a call in a frame of its own.
TEST_F(BadSessionClient, ThatSendsEachPartInAFrameOfItsOwnIsServed) {
  const Client raw = ConnectRaw();
  RawSession session = raw.Call(kOpen, {.timeout = absl::FromChrono(call_test::kPatience)});
  ASSERT_EQ(session.Write(Batch(kHello, "exchange: 1 start { method: 'test.Call/Unary' }",
                                "exchange: 1 message: 'good'", "exchange: 1 end: true")),
            absl::OkStatus());
  EXPECT_EQ(CodeOf(session, 1), absl::StatusCode::kOk);
  EXPECT_EQ(session.Write(Batch("exchange: 2 start { method: 'test.Call/Unary' }",
                                "exchange: 2 message: 'good'")),
            absl::OkStatus());
  EXPECT_EQ(CodeOf(session, 2), absl::StatusCode::kOk) << "a handler needs no more than that";
}

// Its calls stay alive with what they have to say: they have no deadlines.
TEST_F(BadSessionClient, ThatNeverReadsHarmsNobody) {
  const Client raw = ConnectRaw();
  RawSession session = raw.Call(kOpen);
  CallUnread(session, kRequest, kMostCalls / 2);
  for (int i = 0; i < 100; ++i) ExpectServes();
}

TEST_F(BadSessionClient, ThatDoesNotReadPastItsDeadlinesLosesItsSession) {
  const Client raw = ConnectRaw();
  RawSession session = raw.Call(kOpen);
  CallUnread(session,
             "start { method: 'test.Call/Unary' timeout_us: 200000 } message: 'good' end: true",
             kMostCalls - 1);
  // Until there is room again for as many calls.
  EXPECT_TRUE(call_test::Eventually([&] { return !session.Write(Batch("")).ok(); }));
  session.Cancel();
  for (int i = 0; i < 10; ++i) ExpectServes();
}

TEST_F(BadSessionClient, ThatNeverSaysAnythingHarmsNobody) {
  const Client raw = ConnectRaw();
  std::vector<RawSession> sessions;
  for (int i = 0; i < 100; ++i) sessions.push_back(raw.Call(kOpen));
  ExpectServes();
}

}  // namespace
}  // namespace parley::bad_input_test
