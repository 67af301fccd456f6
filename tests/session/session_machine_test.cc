// The state machine at either end of a session: how calls are opened and ended, and what frames
// mean.
#include "src/wire/session/session_machine.h"

#include <string>
#include <vector>

#include "src/wire/status_details.h"
#include "tests/session/machine_peer.h"

namespace parley::detail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using Side = SessionMachine::Side;
using Event = SessionMachine::Event;

std::vector<Metadata::Entry> Entries(const Metadata& metadata) {
  return {metadata.begin(), metadata.end()};
}
std::string TextOf(const std::optional<Payload>& message) {
  return message ? message->bytes().ToString() : "(none)";
}

// --- Greeting.

TEST(SessionMachine, GreetsWithItsLimitsAndMethods) {
  for (const Side side : {Side::kClient, Side::kServer}) {
    MachinePeer peer(side);
    peer.machine.Greet({"a.B/C", "a.B/D"});
    EXPECT_THAT(peer.Said(),
                ElementsAre(Is("hello { revision: 1 max_message_bytes: 1048576 "
                               "max_exchanges: 4 methods: 'a.B/C' methods: 'a.B/D' }")));
    EXPECT_FALSE(peer.machine.has_output());
  }
}

TEST(SessionMachine, TellsWhatThePeersHelloSays) {
  MachinePeer peer(Side::kClient);
  const Event event = peer.Hear("hello { revision: 7 max_exchanges: 300 methods: 'a.B/C' }");
  ASSERT_TRUE(event.hello);
  EXPECT_EQ(event.hello->revision, 7u) << "the lower revision is spoken";
  EXPECT_THAT(event.hello->methods, ElementsAre("a.B/C"));
  EXPECT_EQ(event.lane, nullptr);
  EXPECT_EQ(event.hello->max_exchanges, 300u);
  EXPECT_TRUE(peer.machine.greeted());
}

TEST(SessionMachine, OpensNothingBeforeTheServerHasGreeted) {
  MachinePeer peer(Side::kClient);
  peer.machine.Greet({});
  peer.Said();
  const auto lane = std::make_shared<TestLane>();
  SessionMachine::Opening opening{"a.B/C", 0, {{"key", "value"}}, Bytes("request")};
  EXPECT_FALSE(peer.machine.ready());
  EXPECT_FALSE(peer.machine.Open(lane, opening));
  EXPECT_EQ(TextOf(opening.request), "request") << "the opening is as it was";
  EXPECT_FALSE(opening.metadata.empty());
  EXPECT_FALSE(peer.machine.has_output());
  peer.Hear("hello { revision: 1 max_exchanges: 4 }");
  EXPECT_TRUE(peer.machine.Open(lane, opening));
}

// --- Opening.

TEST(SessionMachine, OpensAUnaryCallInOneFrame) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  const auto lane = std::make_shared<TestLane>();
  SessionMachine::Opening opening{"a.B/C", 2000, {{"key", "value"}}, Bytes("request")};
  ASSERT_TRUE(peer.machine.Open(lane, opening));
  EXPECT_THAT(
      peer.Said(),
      ElementsAre(Is("exchange: 1 start { method: 'a.B/C' timeout_us: 2000 metadata { "
                     "entries { key: 'key' value: 'value' } } } message: 'request' end: 1")));
  EXPECT_EQ(peer.machine.exchanges(), 1u);
}

TEST(SessionMachine, NamesAMethodOnceInARow) {
  MachinePeer peer(Side::kClient);
  peer.Greeted("revision: 1 max_exchanges: 10");
  const auto open = [&](const char* method, Metadata metadata, std::optional<Payload> request) {
    SessionMachine::Opening opening{method, 0, std::move(metadata), std::move(request)};
    ASSERT_TRUE(peer.machine.Open(std::make_shared<TestLane>(), opening));
  };
  open("", {}, Bytes("r"));
  open("", {}, std::nullopt);
  open("a", {}, Bytes("r"));
  open("a", {}, Bytes("r"));
  open("a", {{"key", "value"}}, Bytes("r"));
  open("b", {}, std::nullopt);
  open("", {}, Bytes("r"));
  EXPECT_THAT(peer.Said(),
              ElementsAre(Is("exchange: 1 start { } message: 'r' end: true"),
                          Is("exchange: 2 start { same_method: true }"),
                          Is("exchange: 3 start { method: 'a' } message: 'r' end: true"),
                          Is("exchange: 4 start { same_method: true } message: 'r' end: true"),
                          Is("exchange: 5 start { same_method: true metadata { entries { key: "
                             "'key' value: 'value' } } } message: 'r' end: true"),
                          Is("exchange: 6 start { method: 'b' }"),
                          Is("exchange: 7 start { } message: 'r' end: true")));
}

TEST(SessionMachine, TakesAMethodThatIsAsBefore) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  peer.Hear("exchange: 1 start { method: 'a' } message: 'r' end: true");
  peer.Hear("exchange: 1 cancel: true");
  peer.Hear("exchange: 2 start { same_method: true } message: 'r' end: true");
  peer.Hear("exchange: 3 start { same_method: true metadata { entries { key: 'k' } } }");
  peer.Hear("exchange: 4 start { method: 'b' }");
  peer.Hear("exchange: 5 start { same_method: true }");
  // Two that are not taken have methods all the same.
  EXPECT_TRUE(peer.Hear("exchange: 6 start { method: 'c' } message: 'r'").status.has_value());
  EXPECT_TRUE(peer.Hear("exchange: 7 start { same_method: true }").status.has_value());
  std::vector<std::string> methods;
  for (const LanePtr& lane : peer.lanes) methods.push_back(lane->method);
  EXPECT_THAT(methods, ElementsAre("a", "a", "a", "b", "b", "c", "c"));
}

TEST(SessionMachine, OpensAStreamAndSendsItsMessagesOneByOne) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  const LanePtr lane = peer.Open();
  EXPECT_THAT(peer.Said(), ElementsAre(Is("exchange: 1 start { method: 'a.B/C' }")));
  EXPECT_TRUE(peer.Send(lane, "one"));
  EXPECT_TRUE(peer.Send(lane, ""));
  EXPECT_TRUE(peer.Send(lane, "three", /*end=*/true));
  EXPECT_THAT(peer.Said(),
              ElementsAre(Is("exchange: 1 message: 'one'"), Is("exchange: 1 message: ''"),
                          Is("exchange: 1 message: 'three' end: true")));
}

TEST(SessionMachine, ClosesAStreamWithoutAMessage) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  const LanePtr lane = peer.Open();
  peer.machine.End(*lane);
  EXPECT_THAT(peer.Said(), ElementsAre(Is("exchange: 1 start { method: 'a.B/C' }"),
                                       Is("exchange: 1 end: true")));
}

TEST(SessionMachine, NumbersExchangesInTheOrderInWhichTheyAreOpened) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  for (int i = 0; i < 3; ++i) ASSERT_NE(peer.Open("r"), nullptr);
  const std::vector<v1::Frame> frames = peer.Said();
  ASSERT_THAT(frames, SizeIs(3));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(frames[i].exchange(), i + 1);
}

TEST(SessionMachine, OpensNoMoreThanTheServerTakes) {
  MachinePeer peer(Side::kClient);
  peer.Greeted("revision: 1 max_exchanges: 2");
  EXPECT_NE(peer.Open("r"), nullptr);
  EXPECT_NE(peer.Open("r"), nullptr);
  EXPECT_EQ(peer.Open("r"), nullptr);
  peer.Hear("exchange: 2 status { }");
  EXPECT_NE(peer.Open("r"), nullptr) << "one has ended";
  EXPECT_EQ(peer.Open("r"), nullptr);
}

TEST(SessionMachine, DeliversAnOpeningInOneEvent) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  const Event event = peer.Hear(
      "exchange: 1 start { method: 'a.B/C' timeout_us: 2000 metadata { entries { key: "
      "'key' value: 'value' } } } message: 'request' end: true");
  ASSERT_THAT(peer.lanes, SizeIs(1));
  EXPECT_EQ(event.lane, peer.lanes[0]);
  EXPECT_EQ(peer.lanes[0]->method, "a.B/C");
  EXPECT_EQ(peer.lanes[0]->timeout_us, 2000u);
  EXPECT_TRUE(event.opened);
  EXPECT_THAT(Entries(*event.metadata), ElementsAre(Pair("key", "value")));
  EXPECT_EQ(TextOf(event.message), "request");
  EXPECT_TRUE(event.ended);
  EXPECT_FALSE(event.cancelled);
  EXPECT_FALSE(event.status);
}

TEST(SessionMachine, DeliversEachOfAStreamsMessages) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  const LanePtr lane = peer.Opened(1);
  const std::vector<Event> events =
      peer.HearAll({FrameOf("exchange: 1 message: 'one'"), FrameOf("exchange: 1 message: ''"),
                    FrameOf("exchange: 1 end: true")});
  ASSERT_THAT(events, SizeIs(3));
  for (const Event& event : events) {
    EXPECT_EQ(event.lane, lane);
    EXPECT_FALSE(event.opened);
  }
  EXPECT_EQ(TextOf(events[0].message), "one");
  EXPECT_EQ(TextOf(events[1].message), "");
  EXPECT_EQ(TextOf(events[2].message), "(none)");
  EXPECT_TRUE(events[2].ended);
}

TEST(SessionMachine, TellsWhatFollowsWithNoOtherNews) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  peer.Opened(1);
  peer.Opened(2);
  const std::vector<Event> events = peer.HearAll(
      {FrameOf("exchange: 1 message: 'one'"), FrameOf("exchange: 1 message: 'two'"),
       FrameOf("exchange: 2 message: 'of another'"), FrameOf("exchange: 1 message: 'three'"),
       FrameOf("exchange: 1 message: 'four' credit_bytes: 1"),
       FrameOf("exchange: 1 message: 'begins' remaining_bytes: 1"),
       FrameOf("exchange: 1 message: '.'"), FrameOf("exchange: 1 message: 'six'"),
       FrameOf("exchange: 1 message: 'seven' end: true")});
  std::string follow;
  for (const Event& event : events) follow += event.follows ? 'f' : '-';
  EXPECT_EQ(follow, "-f-----f-");
  EXPECT_EQ(TextOf(events[1].message), "two");
  EXPECT_EQ(TextOf(events[6].message), "begins.");
  EXPECT_EQ(TextOf(events[7].message), "six");
}

TEST(SessionMachine, HoldsWhatFollowsToTheSameRules) {
  const std::string half(kWindow / 2 - kCost, 'x');
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  peer.Opened(1);
  const v1::Frame frame = FrameOf("exchange: 1", half);
  EXPECT_THAT(peer.HearAll({frame, frame, FrameOf("exchange: 1 message: 'x'")}), SizeIs(2));
  EXPECT_THAT(peer.error.message(), HasSubstr("more than was granted"));

  MachinePeer ended(Side::kServer);
  ended.Greeted();
  ended.Opened(1);
  EXPECT_THAT(ended.HearAll({FrameOf("exchange: 1 message: 'last' end: true"),
                             FrameOf("exchange: 1 message: 'more'")}),
              SizeIs(1));
  EXPECT_THAT(ended.error.message(), HasSubstr("a message after the end"));
}

TEST(SessionMachine, TakesIdsThatLeaveOthersOut) {
  // Those were given up before they were said.
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  EXPECT_TRUE(peer.Hear("exchange: 5 start { method: 'm' }").opened);
  EXPECT_EQ(peer.Hear("exchange: 3 credit_bytes: 9").lane, nullptr) << "as if it had ended";
  EXPECT_TRUE(peer.Hear("exchange: 9 start { method: 'm' }").opened);
}

TEST(SessionMachine, KeepsNoMoreOfAMethodThanIsWorthShowing) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  const std::string longest(8192, 'x');
  peer.Hear("exchange: 1 start { method: '" + longest + "' } message: 'r'");
  peer.Hear("exchange: 2 start { method: '" + longest + "y' } message: 'r'");
  peer.Hear("exchange: 3 start { same_method: true }");
  ASSERT_THAT(peer.lanes, SizeIs(3));
  EXPECT_EQ(peer.lanes[0]->method, longest);
  EXPECT_EQ(peer.lanes[1]->method, std::string(128, 'x') + " ...");
  EXPECT_EQ(peer.lanes[2]->method, std::string(128, 'x') + " ...");
}

// --- Answering.

TEST(SessionMachine, FinishesWithHeadersMessageAndStatusInOneFrame) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  const LanePtr lane = peer.Opened(1);
  peer.machine.SetHeaders(*lane, {{"h", "1"}});
  EXPECT_FALSE(peer.machine.has_output()) << "headers go out with what follows";
  absl::Status status = absl::NotFoundError("not there");
  status.SetPayload(kStatusDetails, absl::Cord("details"));
  EXPECT_TRUE(peer.machine.Finish(*lane, Bytes("answer"), status, {{"t", "2"}}));
  EXPECT_THAT(peer.Said(),
              ElementsAre(Is("exchange: 1 headers { entries { key: 'h' value: '1' } } "
                             "message: 'answer' status { code: 5 message: 'not there' details: "
                             "'details' metadata { entries { key: 't' value: '2' } } }")));
  EXPECT_EQ(peer.machine.exchanges(), 0u);
}

TEST(SessionMachine, SendsHeadersOnceAndWithTheFirstMessage) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  const LanePtr lane = peer.Opened(1);
  peer.machine.SetHeaders(*lane, {{"h", "1"}});
  EXPECT_TRUE(peer.Send(lane, "one"));
  EXPECT_TRUE(peer.Send(lane, "two"));
  EXPECT_TRUE(peer.Finish(lane, std::nullopt));
  EXPECT_THAT(
      peer.Said(),
      ElementsAre(Is("exchange: 1 headers { entries { key: 'h' value: '1' } } message: 'one'"),
                  Is("exchange: 1 message: 'two'"), Is("exchange: 1 status { }")));
}

TEST(SessionMachine, DeliversHeadersMessageAndStatus) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  const LanePtr lane = peer.Open("r");
  Event event = peer.Hear("exchange: 1 headers { entries { key: 'h' value: '1' } } message: 'one'");
  EXPECT_EQ(event.lane, lane);
  EXPECT_THAT(Entries(*event.metadata), ElementsAre(Pair("h", "1")));
  EXPECT_EQ(TextOf(event.message), "one");
  EXPECT_FALSE(event.status);
  event = peer.Hear(
      "exchange: 1 message: 'two' status { code: 5 message: 'not there' details: 'd' "
      "metadata { entries { key: 't' value: '2' } } }");
  EXPECT_EQ(event.lane, lane);
  EXPECT_FALSE(event.metadata);
  EXPECT_EQ(TextOf(event.message), "two");
  ASSERT_TRUE(event.status);
  EXPECT_EQ(event.status->code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(event.status->message(), "not there");
  EXPECT_EQ(event.status->GetPayload(kStatusDetails), absl::Cord("d"));
  EXPECT_THAT(Entries(event.trailing), ElementsAre(Pair("t", "2")));
  EXPECT_EQ(peer.machine.exchanges(), 0u);
}

TEST(SessionMachine, TakesACodeThatIsNoneForUnknown) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  const LanePtr lane = peer.Open("r");
  EXPECT_EQ(peer.Hear("exchange: 1 status { code: 17 }").status->code(),
            absl::StatusCode::kUnknown);
}

TEST(SessionMachine, AnswersBeforeTheClientHasEnded) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  const LanePtr lane = peer.Opened(1);
  EXPECT_TRUE(peer.Finish(lane, std::nullopt, absl::NotFoundError("no")));
  const Event event = peer.Hear("exchange: 1 message: 'more' end: true");
  EXPECT_EQ(event.lane, nullptr) << "the client did not know yet";
  EXPECT_FALSE(event.message);
}

// --- Giving up.

TEST(SessionMachine, CancelSaysSoAndTakesBackWhatWasNotSent) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  const LanePtr lane = peer.Open();
  EXPECT_FALSE(peer.Send(lane, std::string(2 * kWindow, 'x'), /*end=*/true));
  EXPECT_THAT(peer.Said(), SizeIs(2));
  EXPECT_EQ(peer.machine.Cancel(*lane).size_bytes(), 2 * kWindow);
  EXPECT_THAT(peer.Said(), ElementsAre(Is("exchange: 1 cancel: true")));
  EXPECT_EQ(peer.machine.exchanges(), 0u);
  EXPECT_EQ(peer.Hear("exchange: 1 message: 'late' status { }").lane, nullptr);
}

TEST(SessionMachine, CancelOfWhatWasNeverSaidSaysNothing) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  // Fills the batch, so that what follows has to wait.
  const std::string large(SessionMachine::kMostBatchBytes, 'x');
  const LanePtr first = peer.Open(std::string(), {{"large", large}});
  const LanePtr second = peer.Open("r");
  EXPECT_EQ(peer.machine.exchanges(), 2u);
  EXPECT_EQ(peer.machine.Cancel(*second).size_bytes(), 1u);
  EXPECT_EQ(peer.machine.exchanges(), 1u);
  const LanePtr third = peer.Open("r");
  const std::vector<v1::Frame> frames = peer.SaidAll();
  ASSERT_THAT(frames, SizeIs(2));
  EXPECT_EQ(frames[0].exchange(), 1u);
  EXPECT_EQ(frames[1].exchange(), 3u);
}

TEST(SessionMachine, CancelByTheClientTakesBackWhatTheServerWouldSay) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  const LanePtr lane = peer.Opened(1);
  EXPECT_FALSE(peer.Finish(lane, std::string(2 * kWindow, 'x')));
  peer.Said();
  const Event event = peer.Hear("exchange: 1 cancel: true");
  EXPECT_EQ(event.lane, lane);
  EXPECT_TRUE(event.cancelled);
  EXPECT_EQ(event.discarded.size_bytes(), 2 * kWindow);
  EXPECT_FALSE(peer.machine.has_output());
  EXPECT_EQ(peer.machine.exchanges(), 0u);
}

TEST(SessionMachine, CancelByTheServerIsAStatusInPlaceOfTheMessage) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  const LanePtr lane = peer.Opened(1);
  EXPECT_FALSE(peer.Send(lane, std::string(2 * kWindow, 'x')));
  peer.Said();
  EXPECT_EQ(peer.machine.Cancel(*lane, absl::AbortedError("enough")).size_bytes(), 2 * kWindow);
  EXPECT_THAT(peer.Said(), ElementsAre(Is("exchange: 1 status { code: 10 message: 'enough' }")));
  EXPECT_EQ(peer.machine.exchanges(), 0u);
}

TEST(SessionMachine, AStatusAmidAMessageEndsTheCallWithoutIt) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  const LanePtr lane = peer.Open("r");
  peer.Hear("exchange: 1 message: 'the beginning' remaining_bytes: 100");
  const Event event = peer.Hear("exchange: 1 status { code: 10 }");
  EXPECT_FALSE(event.message);
  EXPECT_EQ(event.status->code(), absl::StatusCode::kAborted);
}

// OK amid a message would end the whole session: its end is missing.
TEST(SessionMachine, CancelByTheServerIsNeverOkIfAMessageIsMissing) {
  for (const std::size_t size : {kWindow / 2, 2 * kWindow}) {
    MachinePeer peer(Side::kServer);
    peer.Greeted();
    const LanePtr lane = peer.Opened(1);
    EXPECT_TRUE(peer.Send(lane, std::string(kWindow - kCost - 10, 'x')));
    EXPECT_FALSE(peer.Finish(lane, std::string(size, 'x')));
    peer.Said();
    EXPECT_EQ(peer.machine.Cancel(*lane, absl::OkStatus()).size_bytes(), size);
    const std::vector<v1::Frame> frames = peer.Said();
    ASSERT_THAT(frames, SizeIs(1));
    EXPECT_EQ(frames[0].status().code(), static_cast<std::uint32_t>(absl::StatusCode::kCancelled));
  }
}

TEST(SessionMachine, CancelMayComeAtAnyTime) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  const LanePtr lane = peer.Open("r");
  peer.machine.Cancel(*lane);
  peer.machine.Cancel(*lane);
  EXPECT_THAT(peer.Said(), SizeIs(2));
  peer.machine.Cancel(*lane);
  EXPECT_FALSE(peer.machine.has_output());
}

TEST(SessionMachine, NothingIsSaidOfACallThatIsOver) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  const LanePtr lane = peer.Open();
  peer.Said();
  peer.Hear("exchange: 1 status { }");
  EXPECT_TRUE(peer.Send(lane, "late")) << "taken, as nobody else will";
  peer.machine.End(*lane);
  peer.Took(lane, 100);
  EXPECT_FALSE(peer.machine.has_output());

  MachinePeer server(Side::kServer);
  server.Greeted();
  const LanePtr over = server.Opened(1);
  server.Hear("exchange: 1 cancel: true");
  EXPECT_TRUE(server.Send(over, "late"));
  EXPECT_TRUE(server.Finish(over, "late"));
  server.machine.SetHeaders(*over, {{"h", "1"}});
  server.Took(over, 100);
  EXPECT_FALSE(server.machine.has_output());
}

}  // namespace
}  // namespace parley::detail
