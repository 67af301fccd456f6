// How a session ends, in order or not: which calls go on, which were never run, and that these can be
// opened on another session as if nothing had been.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/session/machine_peer.h"

namespace parley::detail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;
using Side = SessionMachine::Side;
using Event = SessionMachine::Event;
using Orphan = SessionMachine::Orphan;

bool Seen(const std::vector<Orphan>& orphans, const LanePtr& lane) {
  const auto found = std::find_if(orphans.begin(), orphans.end(),
                                  [&](const Orphan& orphan) { return orphan.lane == lane; });
  EXPECT_NE(found, orphans.end());
  return found != orphans.end() && found->seen;
}

// --- Drain.

TEST(SessionDrain, NamesTheLastExchangeThatHasArrived) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  peer.Opened(1), peer.Opened(2);
  peer.machine.Drain();
  EXPECT_THAT(peer.Said(), ElementsAre(Is("drain { last_exchange: 2 }")));
  EXPECT_FALSE(peer.machine.ready());
  peer.machine.Drain();
  EXPECT_FALSE(peer.machine.has_output()) << "once is enough";
}

TEST(SessionDrain, CallsThatComeAfterItAreNotTaken) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  const LanePtr before = peer.Opened(1);
  peer.machine.Drain();
  peer.Said();
  const Event event = peer.Hear("exchange: 2 start { method: 'm' } message: 'r'");
  EXPECT_FALSE(event.opened);
  EXPECT_EQ(event.lane, nullptr);
  EXPECT_THAT(peer.lanes, SizeIs(1));
  EXPECT_EQ(peer.Hear("exchange: 2 message: 'more' end: true").lane, nullptr);
  EXPECT_EQ(peer.Hear("exchange: 2 cancel: true").lane, nullptr);
  EXPECT_FALSE(peer.machine.has_output());
  // Those before it go on.
  EXPECT_TRUE(peer.Hear("exchange: 1 message: 'more' end: true").message);
  EXPECT_TRUE(peer.Finish(before, "answer"));
  EXPECT_THAT(peer.Said(), ElementsAre(Is("exchange: 1 message: 'answer' status { }")));
  EXPECT_THAT(std::string(peer.ErrorOf("exchange: 3 end: true").message()), HasSubstr("never"));
}

TEST(SessionDrain, CallsAfterTheLastExchangeAreRetriedAndTheOthersGoOn) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  std::vector<LanePtr> lanes;
  for (int i = 0; i < 4; ++i) lanes.push_back(peer.Open("r"));
  peer.Said();
  const Event event = peer.Hear("drain { last_exchange: 2 }");
  EXPECT_TRUE(event.draining);
  EXPECT_EQ(event.lane, nullptr);
  EXPECT_THAT(event.retried, UnorderedElementsAre(lanes[2], lanes[3]));
  for (const LanePtr& lane : {lanes[2], lanes[3]}) EXPECT_TRUE(SessionMachine::CanReopen(*lane));
  EXPECT_EQ(peer.machine.exchanges(), 2u);
  EXPECT_FALSE(peer.machine.ready());
  EXPECT_EQ(peer.Open("r"), nullptr);
  EXPECT_TRUE(peer.Hear("exchange: 2 message: 'answer' status { }").status);
  EXPECT_EQ(peer.Hear("exchange: 3 status { }").lane, nullptr) << "it is another session's now";
}

TEST(SessionDrain, ACallThatWasNotRunIsOpenedElsewhereAsItWas) {
  MachinePeer first(Side::kClient);
  MachinePeer second(Side::kClient);
  first.Greeted(), second.Greeted();
  const auto lane = std::make_shared<TestLane>();
  const std::string request(2 * kWindow, 'r');
  SessionMachine::Opening opening{"a.B/C", 2000, {{"key", "value"}}, Bytes(request)};
  ASSERT_TRUE(first.machine.Open(lane, opening));
  first.SaidAll();
  first.Hear("drain { }");
  ASSERT_TRUE(SessionMachine::CanReopen(*lane));
  SessionMachine::Opening again = SessionMachine::TakeOpening(*lane);
  ASSERT_TRUE(second.machine.Open(lane, again));
  const std::vector<v1::Frame> frames = second.SaidAll();
  EXPECT_EQ(frames[0].start().method(), "a.B/C");
  EXPECT_EQ(frames[0].start().timeout_us(), 2000u);
  EXPECT_EQ(frames[0].start().metadata().entries(0).value(), "value");
  second.Hear("exchange: 1 credit_bytes: 1000000");
  std::string sent;
  for (const v1::Frame& frame : frames) sent += frame.message();
  for (const v1::Frame& frame : second.SaidAll()) sent += frame.message();
  EXPECT_EQ(sent, request) << "from its beginning";
  EXPECT_TRUE(second.Hear("exchange: 1 status { }").status);
  EXPECT_EQ(second.machine.exchanges(), 0u);
  EXPECT_FALSE(first.machine.has_output());
}

// The other session has it now, under another lock.
TEST(SessionDrain, ASessionForgetsTheCallsThatItHasGivenAway) {
  MachinePeer first(Side::kClient);
  MachinePeer second(Side::kClient);
  first.Greeted(), second.Greeted();
  // The call waits for its turn behind a full batch, first here and then there.
  const Metadata large = {{"large", std::string(SessionMachine::kMostBatchBytes, 'x')}};
  first.Open("r", large), second.Open("r", large);
  const LanePtr lane = first.Open("r");
  first.Hear("drain { last_exchange: 1 }");
  SessionMachine::Opening again = SessionMachine::TakeOpening(*lane);
  ASSERT_TRUE(second.machine.Open(lane, again));
  EXPECT_EQ(first.SaidAll().size(), 1u);
  second.Said();
  EXPECT_THAT(second.SaidAll(),
              ElementsAre(Is("exchange: 2 start { same_method: true } message: 'r' end: true")));
  EXPECT_TRUE(second.Hear("exchange: 2 status { }").status);
}

TEST(SessionDrain, ACallThatHasMovedOnSaysItsRequestOnce) {
  MachinePeer first(Side::kClient), second(Side::kClient);
  first.Greeted(), second.Greeted();
  // The call waits for its turn behind a full batch here, and not at all there.
  first.Open("r", {{"large", std::string(SessionMachine::kMostBatchBytes, 'x')}});
  const LanePtr lane = first.Open("r");
  first.Hear("drain { last_exchange: 1 }");
  SessionMachine::Opening again = SessionMachine::TakeOpening(*lane);
  ASSERT_TRUE(second.machine.Open(lane, again));
  EXPECT_THAT(second.SaidAll(),
              ElementsAre(Is("exchange: 1 start { method: 'a.B/C' } message: 'r' end: true")));
  second.Hear("exchange: 1", std::string(kWindow - kCost, 'x'));
  second.Took(lane, kWindow - kCost);
  const std::vector<v1::Frame> said = second.SaidAll();
  ASSERT_THAT(said, SizeIs(1));
  EXPECT_GT(said[0].credit_bytes(), 0u);
  EXPECT_FALSE(said[0].has_message() || said[0].end());
}

TEST(SessionDrain, ADrainedServerTakesNoNoteOfMethods) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  peer.machine.Drain();
  peer.Hear("exchange: 1 start { method: 'a.B/C' } message: 'r' end: true");
  peer.Hear("exchange: 2 start { same_method: true } message: 'r' end: true");
  EXPECT_THAT(peer.lanes, IsEmpty());
}

TEST(SessionDrain, ACallThatHadToWaitForItsTurnIsOpenedElsewhereAsItWas) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  peer.Open("r", {{"large", std::string(SessionMachine::kMostBatchBytes, 'x')}});
  const LanePtr lane = peer.Open("request");
  EXPECT_EQ(peer.SaidAll().size(), 2u);
  peer.machine.TakeServed();
  EXPECT_THAT(peer.Hear("drain { last_exchange: 1 }").retried, ElementsAre(lane));
  EXPECT_EQ(SessionMachine::TakeOpening(*lane).request->bytes().ToString(), "request");
}

TEST(SessionDrain, AStreamIsNotOpenedElsewhere) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  const LanePtr lane = peer.Open();
  peer.Send(lane, "gone");
  EXPECT_THAT(peer.Hear("drain { }").retried, ElementsAre(lane));
  EXPECT_FALSE(SessionMachine::CanReopen(*lane));
}

TEST(SessionDrain, ACallOfWhichTheServerHasSpokenIsNotOpenedElsewhere) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  const LanePtr lane = peer.Open("r");
  peer.Hear("exchange: 1 headers { }");
  peer.machine.Break();
  EXPECT_FALSE(SessionMachine::CanReopen(*lane));
}

// --- Break.

TEST(SessionBreak, TellsCallsThatThePeerMayHaveSeenFromOthers) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  const LanePtr written = peer.Open("r");
  peer.Said();
  const LanePtr said =
      peer.Open("r", {{"large", std::string(SessionMachine::kMostBatchBytes, 'x')}});
  const LanePtr waiting = peer.Open("r");
  const std::vector<Orphan> orphans = peer.machine.Break();
  EXPECT_THAT(orphans, SizeIs(3));
  EXPECT_TRUE(Seen(orphans, written));
  EXPECT_FALSE(Seen(orphans, said)) << "the batch was never taken";
  EXPECT_FALSE(Seen(orphans, waiting));
  for (const LanePtr& lane : {said, waiting}) EXPECT_TRUE(SessionMachine::CanReopen(*lane));
}

TEST(SessionBreak, AServersCallsHaveAllBeenSeen) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  const LanePtr lane = peer.Opened(1);
  EXPECT_TRUE(Seen(peer.machine.Break(), lane));
}

TEST(SessionBreak, NothingIsLeftAfterIt) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  for (std::uint64_t id = 1; id <= 2; ++id) {
    peer.Opened(id);
    peer.Hear("exchange: " + std::to_string(id) + " remaining_bytes: 900000",
              std::string(1000, 'x'));
  }
  EXPECT_GT(peer.machine.pool_used(), 0u);
  EXPECT_THAT(peer.machine.Break(), SizeIs(2));
  EXPECT_EQ(peer.machine.exchanges(), 0u);
  EXPECT_EQ(peer.machine.pool_used(), 0u);
  EXPECT_FALSE(peer.machine.ready());
  EXPECT_THAT(peer.machine.Break(), IsEmpty());
  EXPECT_TRUE(peer.Finish(peer.lanes[0], "late"));
}

// A call keeps its session: were it kept by what it has not said, neither would ever go.
TEST(SessionBreak, CallsThatHadMoreToSayAreForgotten) {
  MachinePeer server(Side::kServer);
  server.Greeted();
  std::vector<std::weak_ptr<Lane>> waiting;
  for (std::uint64_t id = 1; id <= 4; ++id) {
    const LanePtr lane = server.Opened(id);
    // The first fills the batch, which nobody takes.
    const std::size_t size = id == 1 ? SessionMachine::kMostBatchBytes : 1;
    server.machine.SetHeaders(*lane, {{"h", std::string(size, 'x')}});
    server.Finish(lane, std::nullopt);
    if (id > 1) waiting.push_back(lane);
  }
  server.lanes.clear();
  server.machine.TakeServed();
  server.machine.Break();
  server.machine.TakeServed();
  for (const std::weak_ptr<Lane>& lane : waiting) EXPECT_TRUE(lane.expired());
}

TEST(SessionBreak, NothingIsOpenedAfterIt) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  peer.machine.Break();
  EXPECT_EQ(peer.Open("r"), nullptr);
}

}  // namespace
}  // namespace parley::detail
