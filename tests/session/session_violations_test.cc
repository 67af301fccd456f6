// What a peer may not do: every such frame ends the session, and says why; and what it may though it
// is not expected.
#include <ostream>
#include <string>
#include <vector>

#include "tests/session/machine_peer.h"

namespace parley::detail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Side = SessionMachine::Side;
using Event = SessionMachine::Event;

struct Violation {
  const char* name;
  Side side;  // of the machine
  std::vector<const char*> before;
  const char* frame;
  const char* error;
};
void PrintTo(const Violation& violation, std::ostream* out) { *out << violation.name; }

constexpr char kHello[] = "hello { revision: 1 max_exchanges: 4 }";
constexpr char kStart[] = "exchange: 1 start { method: 'm' }";
constexpr Side kClient = Side::kClient;
constexpr Side kServer = Side::kServer;

class SessionViolation : public testing::TestWithParam<Violation> {};

TEST_P(SessionViolation, EndsTheSession) {
  MachinePeer peer(GetParam().side);
  peer.machine.Greet({});
  for (const char* text : GetParam().before) {
    peer.Hear(text);
    // The machine has two calls open, and what they are granted at first.
    if (GetParam().side == kClient && text == GetParam().before[0]) {
      peer.Open("r"), peer.Open("r");
    }
  }
  const absl::Status error = peer.ErrorOf(GetParam().frame);
  EXPECT_EQ(error.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(error.message()), HasSubstr("the peer broke the session protocol: "));
  EXPECT_THAT(std::string(error.message()), HasSubstr(GetParam().error));
}

INSTANTIATE_TEST_SUITE_P(
    , SessionViolation,
    testing::Values(
        // The greeting.
        Violation{"ExchangeBeforeHello", kServer, {}, kStart, "no Hello at the beginning"},
        Violation{"NothingBeforeHello", kClient, {}, "", "no Hello at the beginning"},
        Violation{"DrainBeforeHello", kClient, {}, "drain { }", "no Hello at the beginning"},
        Violation{"SecondHello", kServer, {kHello}, kHello, "a second Hello"},
        Violation{"SecondHelloFromAServer", kClient, {kHello}, kHello, "a second Hello"},
        Violation{"HelloWithoutARevision", kServer, {}, "hello { max_exchanges: 4 }", "a revision"},
        Violation{"HelloInAnExchange", kServer, {kHello}, "exchange: 1 hello { }", "session's"},
        Violation{"DrainInAnExchange", kClient, {kHello}, "exchange: 1 drain { }", "session's"},
        Violation{"DrainFromAClient", kServer, {kHello}, "drain { }", "Drain from a client"},
        Violation{"CreditWithoutAnExchange", kServer, {kHello}, "credit_bytes: 1", "its number"},
        Violation{"StartWithoutAnExchange", kServer, {kHello}, "start { }", "its number"},
        Violation{"RestWithoutAnExchange", kServer, {kHello}, "remaining_bytes: 1", "its number"},
        Violation{"HeadersWithoutAnExchange", kClient, {kHello}, "headers { }", "its number"},
        Violation{"MessageWithoutAnExchange", kClient, {kHello}, "message: ''", "its number"},
        Violation{"EndWithoutAnExchange", kServer, {kHello}, "end: true", "its number"},
        Violation{"StatusWithoutAnExchange", kClient, {kHello}, "status { }", "its number"},
        Violation{"CancelWithoutAnExchange", kServer, {kHello}, "cancel: true", "its number"},
        // Who says what.
        Violation{"StartFromAServer", kClient, {kHello}, kStart, "only this side sends"},
        Violation{
            "EndFromAServer", kClient, {kHello}, "exchange: 1 end: 1", "only this side sends"},
        Violation{"CancelFromAServer", kClient, {kHello}, "exchange: 1 cancel: true", "only this"},
        Violation{
            "HeadersFromAClient", kServer, {kHello, kStart}, "exchange: 1 headers { }", "only"},
        Violation{"StatusFromAClient", kServer, {kHello, kStart}, "exchange: 1 status { }", "only"},
        // Which exchange.
        Violation{
            "NeverOpened", kServer, {kHello, kStart}, "exchange: 2 end: true", "never opened"},
        Violation{"NeverOpenedByThisClient", kClient, {kHello}, "exchange: 3 status { }", "never"},
        Violation{"OpenedAgain", kServer, {kHello, kStart}, kStart, "was opened before"},
        Violation{"OpenedAgainAfterItsEnd",
                  kServer,
                  {kHello, kStart, "exchange: 1 cancel: true"},
                  kStart,
                  "was opened before"},
        Violation{"OpenedOutOfOrder",
                  kServer,
                  {kHello, "exchange: 7 start { }"},
                  "exchange: 6 start { }",
                  "was opened before"},
        Violation{"FirstMethodAsBefore",
                  kServer,
                  {kHello},
                  "exchange: 1 start { same_method: true }",
                  "a first method"},
        Violation{"FirstMethodAsBeforeWithARequest",
                  kServer,
                  {kHello},
                  "exchange: 1 start { same_method: true } message: '' end: true",
                  "a first method"},
        // Messages.
        Violation{"MessageAfterTheEnd",
                  kServer,
                  {kHello, kStart, "exchange: 1 end: true"},
                  "exchange: 1 message: ''",
                  "a message after the end"},
        Violation{"MessageAfterAWholeRequest",
                  kServer,
                  {kHello, "exchange: 1 start { method: 'm' } message: '' end: true"},
                  "exchange: 1 message: ''",
                  "a message after the end"},
        Violation{"EndTwice",
                  kServer,
                  {kHello, kStart, "exchange: 1 end: true"},
                  "exchange: 1 end: true",
                  "an end where none can be"},
        Violation{"EndAmidAMessage",
                  kServer,
                  {kHello, kStart},
                  "exchange: 1 message: 'x' remaining_bytes: 1 end: true",
                  "an end where none can be"},
        Violation{"OkAmidAMessage",
                  kClient,
                  {kHello, "exchange: 1 message: 'x' remaining_bytes: 1"},
                  "exchange: 1 status { }",
                  "an end amid a message"},
        Violation{"RestOfNoMessage",
                  kClient,
                  {kHello},
                  "exchange: 1 remaining_bytes: 1",
                  "the rest of a message that is not there"},
        Violation{"MessageThatGrows",
                  kClient,
                  {kHello, "exchange: 1 message: 'x' remaining_bytes: 5"},
                  "exchange: 1 message: 'x' remaining_bytes: 5",
                  "a message that changes its size"},
        Violation{"MessageThatShrinks",
                  kClient,
                  {kHello, "exchange: 1 message: 'x' remaining_bytes: 5"},
                  "exchange: 1 message: 'x'",
                  "a message that changes its size"},
        Violation{"MessageOfMoreThan64Bits",
                  kServer,
                  {kHello, kStart},
                  "exchange: 1 message: 'x' remaining_bytes: 18446744073709551615",
                  "a message that has no size"},
        // Metadata.
        Violation{"BadRequestMetadata",
                  kServer,
                  {kHello},
                  "exchange: 1 start { metadata { entries { key: 'k y' } } }",
                  "malformed metadata"},
        Violation{"BadHeaders",
                  kClient,
                  {kHello},
                  "exchange: 1 headers { entries { key: 'grpc-x' } }",
                  "malformed metadata"},
        Violation{"BadTrailers",
                  kClient,
                  {kHello},
                  "exchange: 1 status { metadata { entries { key: 'k' value: '\\n' } } }",
                  "malformed metadata"},
        // Credit.
        Violation{"CreditBeyondAllBounds",
                  kClient,
                  {kHello},
                  "exchange: 1 credit_bytes: 1099511627776",
                  "more credit than there can be"},
        Violation{"CreditThatWrapsAround",
                  kServer,
                  {kHello, kStart},
                  "exchange: 1 credit_bytes: 18446744073709551615",
                  "more credit than there can be"}),
    [](const testing::TestParamInfo<Violation>& info) { return std::string(info.param.name); });

TEST(SessionMachine, MalformedBytesEndTheSession) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  const std::string list = ListOf({FrameOf(kStart)}) + "\x0a\x05";
  EXPECT_THAT(peer.HearBytes(BlockOf(list)), SizeIs(1)) << "what comes before is delivered";
  EXPECT_THAT(std::string(peer.error.message()), HasSubstr("malformed bytes"));
  MachinePeer other(Side::kServer);
  EXPECT_THAT(other.HearBytes(BlockOf("\x0a\x04\x52\x02\x08\x80")), IsEmpty()) << "a Hello";
  EXPECT_THAT(std::string(other.error.message()), HasSubstr("malformed bytes"));
}

TEST(SessionMachine, NoBytesAreNoFrames) {
  MachinePeer peer(Side::kServer);
  EXPECT_THAT(peer.HearBytes(Block()), IsEmpty());
  EXPECT_TRUE(peer.error.ok());
}

// --- Parts that are not known.

v1::Frame WithUnknownPart(v1::Frame frame) {
  frame.GetReflection()->MutableUnknownFields(&frame)->AddVarint(12, 1);
  return frame;
}

TEST(SessionMachine, APartThatIsNotKnownEndsTheSession) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  const absl::Status error = peer.ErrorOf(WithUnknownPart(FrameOf(kStart)));
  EXPECT_EQ(error.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(error.message()), HasSubstr("not known"));
}

TEST(SessionMachine, AFrameThatMayBeSkippedIsIgnoredAsAWhole) {
  for (const Side side : {kClient, kServer}) {
    MachinePeer peer(side);
    const v1::Frame skippable = WithUnknownPart(FrameOf("skippable: true"));
    EXPECT_EQ(peer.Hear(skippable).lane, nullptr) << "even before Hello";
    peer.Greeted();
    // Of everything else in it, nothing is right.
    const Event event = peer.Hear(WithUnknownPart(FrameOf(
        "exchange: 99 start { } message: 'x' end: 1 status { } drain { } skippable: true")));
    EXPECT_EQ(event.lane, nullptr);
    EXPECT_FALSE(event.opened || event.message || event.ended || event.status || event.draining);
    EXPECT_TRUE(peer.machine.ready());
    EXPECT_EQ(peer.machine.exchanges(), 0u);
  }
}

TEST(SessionMachine, AFrameThatMayBeSkippedAndIsKnownCounts) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  EXPECT_TRUE(peer.Hear("exchange: 1 start { } skippable: true").opened);
}

// --- Too many.

TEST(SessionMachine, CallsBeyondTheLimitAreRefused) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  for (std::uint64_t id = 1; id <= 4; ++id) peer.Opened(id);
  const Event event = peer.Hear("exchange: 5 start { method: 'm' } message: 'r' end: true");
  EXPECT_TRUE(event.opened) << "so that somebody can say so";
  ASSERT_TRUE(event.status);
  EXPECT_EQ(event.status->code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(event.status->message()), HasSubstr("has 4 calls"));
  EXPECT_THAT(std::string(event.status->message()), HasSubstr("no more than 4"));
  peer.Finish(peer.lanes.back(), std::nullopt, *event.status);
  EXPECT_THAT(peer.Said(), SizeIs(1));
  peer.Finish(peer.lanes.front(), std::nullopt);
  EXPECT_FALSE(peer.Hear("exchange: 6 start { method: 'm' }").status) << "one has ended";
}

TEST(SessionMachine, FarTooManyCallsEndTheSession) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  for (std::uint64_t id = 1; id <= 8; ++id) peer.Opened(id);
  const absl::Status error = peer.ErrorOf("exchange: 9 start { method: 'm' }");
  EXPECT_EQ(error.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(error.message()), HasSubstr("far too many"));
}

}  // namespace
}  // namespace parley::detail
