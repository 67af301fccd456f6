// How much of an exchange is on its way: what the sender has been granted, and what the receiver
// grants.
#include <limits>
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
using Side = SessionMachine::Side;
using Event = SessionMachine::Event;
using Limits = SessionMachine::Limits;

std::size_t MessageBytes(const std::vector<v1::Frame>& frames) {
  std::size_t bytes = 0;
  for (const v1::Frame& frame : frames) bytes += frame.message().size();
  return bytes;
}
// What is granted to an exchange.
std::uint64_t Credit(const std::vector<v1::Frame>& frames, std::uint64_t id) {
  std::uint64_t credit = 0;
  for (const v1::Frame& frame : frames) credit += frame.exchange() == id ? frame.credit_bytes() : 0;
  return credit;
}
std::string ExchangeText(std::uint64_t id) { return "exchange: " + std::to_string(id) + " "; }

// --- The sender.

TEST(SessionCredit, AMessageWithinTheFirstWindowGoesAtOnce) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  const LanePtr lane = peer.Open();
  EXPECT_TRUE(peer.Send(lane, std::string(kWindow - kCost, 'x')));
  EXPECT_EQ(MessageBytes(peer.SaidAll()), kWindow - kCost);
  EXPECT_FALSE(peer.Send(lane, "")) << "nothing is left, not even for nothing";
  EXPECT_FALSE(peer.machine.has_output());
}

TEST(SessionCredit, EachMessageCostsItsBytesAndSomeMore) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  const LanePtr lane = peer.Open();
  std::size_t sent = 0;
  while (peer.Send(lane, "")) ++sent;
  EXPECT_EQ(sent, kWindow / kCost);
}

TEST(SessionCredit, ALongerMessageIsSentAsFarAsTheCreditGoes) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  const LanePtr lane = peer.Open();
  EXPECT_FALSE(peer.Send(lane, std::string(kWindow + 1000, 'x'), /*end=*/true));
  std::vector<v1::Frame> frames = peer.SaidAll();
  ASSERT_THAT(frames, SizeIs(2));
  EXPECT_EQ(frames[1].message().size(), kWindow - kCost);
  EXPECT_EQ(frames[1].remaining_bytes(), 1000 + kCost);
  EXPECT_FALSE(frames[1].end());
  EXPECT_FALSE(peer.machine.has_served()) << "it is not taken yet";

  peer.Hear("exchange: 1 credit_bytes: 100");
  EXPECT_THAT(peer.SaidAll(),
              ElementsAre(Is("exchange: 1 remaining_bytes: 964", std::string(100, 'x'))));
  peer.Hear("exchange: 1 credit_bytes: 964");
  EXPECT_THAT(peer.SaidAll(), ElementsAre(Is("exchange: 1 end: true", std::string(964, 'x'))))
      << "the rest costs its bytes alone";
  EXPECT_THAT(TakenLanes(peer.machine), ElementsAre(lane.get()));
}

TEST(SessionCredit, AMessageIsNotBegunForItsCostAlone) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  const LanePtr lane = peer.Open();
  EXPECT_TRUE(peer.Send(lane, std::string(kWindow - 2 * kCost, 'x')));
  peer.SaidAll();
  EXPECT_FALSE(peer.Send(lane, "y"));
  EXPECT_FALSE(peer.machine.has_output());
  peer.Hear("exchange: 1 credit_bytes: 1");
  EXPECT_THAT(peer.SaidAll(), ElementsAre(Is("exchange: 1 message: 'y'")));
  // An empty one goes for its cost alone.
  peer.Hear("exchange: 1 credit_bytes: 64");
  EXPECT_TRUE(peer.Send(lane, ""));
}

TEST(SessionCredit, TheEndWaitsForTheMessageBeforeIt) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  const LanePtr lane = peer.Open();
  EXPECT_FALSE(peer.Send(lane, std::string(kWindow, 'x')));
  peer.machine.End(*lane);
  const std::vector<v1::Frame> frames = peer.SaidAll();
  EXPECT_FALSE(frames.back().end());
  peer.Hear("exchange: 1 credit_bytes: 1000");
  EXPECT_THAT(peer.SaidAll(), ElementsAre(Is("exchange: 1 end: true", std::string(kCost, 'x'))));
}

TEST(SessionCredit, TheStatusWaitsForTheMessageBeforeIt) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  const LanePtr lane = peer.Opened(1);
  EXPECT_FALSE(peer.Finish(lane, std::string(kWindow, 'x')));
  EXPECT_FALSE(peer.SaidAll().back().has_status());
  EXPECT_EQ(peer.machine.exchanges(), 1u);
  peer.Hear("exchange: 1 credit_bytes: 1000");
  EXPECT_THAT(peer.SaidAll(), ElementsAre(Is("exchange: 1 status { }", std::string(kCost, 'x'))));
  EXPECT_THAT(TakenLanes(peer.machine), ElementsAre(lane.get()));
  EXPECT_EQ(peer.machine.exchanges(), 0u);
}

// Neither has credit left for a message.
TEST(SessionCredit, StatusCancelAndCreditNeedNone) {
  MachinePeer server(Side::kServer);
  server.Greeted();
  LanePtr lane = server.Opened(1);
  EXPECT_TRUE(server.Send(lane, std::string(kWindow - kCost, 'x')));
  EXPECT_FALSE(server.Send(lane, "stuck"));
  server.SaidAll();
  server.Hear("exchange: 1", std::string(kWindow - kCost, 'x'));
  server.Took(lane, kWindow - kCost);
  const std::vector<v1::Frame> frames = server.SaidAll();
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_GE(frames[0].credit_bytes(), kWindow);
  server.machine.Cancel(*lane, absl::AbortedError(""));
  EXPECT_THAT(server.SaidAll(), ElementsAre(Is("exchange: 1 status { code: 10 }")));

  MachinePeer client(Side::kClient);
  client.Greeted();
  lane = client.Open();
  EXPECT_FALSE(client.Send(lane, std::string(kWindow, 'x')));
  client.SaidAll();
  client.machine.Cancel(*lane);
  EXPECT_THAT(client.SaidAll(), ElementsAre(Is("exchange: 1 cancel: true")));
}

// --- The receiver.

TEST(SessionCredit, AMessageLongerThanTheWindowIsGrantedTheRestOnceItHasBegun) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  peer.Opened(1);
  const std::string message(100'000, 'x');
  Event event = peer.Hear("exchange: 1 remaining_bytes: 90000", message.substr(90'000));
  EXPECT_FALSE(event.message);
  const std::uint64_t left = kWindow - kCost - 10'000;
  EXPECT_THAT(peer.SaidAll(),
              ElementsAre(Is(ExchangeText(1) + "credit_bytes: " + std::to_string(90'000 - left))));
  event = peer.Hear("exchange: 1", message.substr(10'000));
  EXPECT_EQ(event.message->bytes().ToString(), message);
  EXPECT_FALSE(peer.machine.has_output()) << "nobody has taken it";
}

TEST(SessionCredit, AMessageWithinTheWindowIsGrantedNothing) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  peer.Opened(1);
  peer.Hear("exchange: 1 remaining_bytes: 16000", std::string(kWindow - kCost - 16'000, 'x'));
  EXPECT_FALSE(peer.machine.has_output());
  EXPECT_TRUE(peer.Hear("exchange: 1", std::string(16'000, 'x')).message);
}

TEST(SessionCredit, TheLongestMessageIsTaken) {
  Limits limits = MachinePeer::kLimits;
  limits.max_message_bytes = 20'000;
  MachinePeer peer(Side::kServer, limits);
  peer.Greeted();
  peer.Opened(1);
  EXPECT_TRUE(
      peer.Hear("exchange: 1 remaining_bytes: 10000", std::string(10'000, 'x')).refused.ok());
  EXPECT_TRUE(peer.Hear("exchange: 1", std::string(10'000, 'x')).message);
}

TEST(SessionCredit, ALongerMessageIsRefusedWithBothNumbers) {
  Limits limits = MachinePeer::kLimits;
  limits.max_message_bytes = 20'000;
  for (const Side side : {Side::kServer, Side::kClient}) {
    MachinePeer peer(side, limits);
    peer.Greeted();
    side == Side::kServer ? peer.Opened(1) : peer.Open();
    peer.SaidAll();
    Event event = peer.Hear("exchange: 1 remaining_bytes: 10001", std::string(10'000, 'x'));
    EXPECT_EQ(event.refused.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(std::string(event.refused.message()), HasSubstr("20001 bytes"));
    EXPECT_THAT(std::string(event.refused.message()), HasSubstr("20000 bytes"));
    EXPECT_FALSE(event.message);
    EXPECT_FALSE(peer.machine.has_output()) << "the rest is not asked for";
    EXPECT_EQ(peer.machine.pool_used(), 0u);
    // Some of it may be under way; it is told once, and nothing after it is delivered.
    event = peer.Hear("exchange: 1 remaining_bytes: 9001", std::string(1000, 'x'));
    EXPECT_FALSE(event.message);
    EXPECT_TRUE(event.refused.ok());
  }
}

TEST(SessionCredit, NothingComesAfterAMessageThatWasRefused) {
  Limits limits = MachinePeer::kLimits;
  limits.max_message_bytes = 100;
  MachinePeer peer(Side::kServer, limits);
  peer.Greeted();
  peer.Opened(1);
  EXPECT_FALSE(peer.Hear("exchange: 1", std::string(101, 'x')).refused.ok());
  const Event event = peer.Hear("exchange: 1 message: 'short' end: true");
  EXPECT_FALSE(event.message);
  EXPECT_FALSE(event.ended) << "the requests are not complete";
}

TEST(SessionCredit, MoreThanWasGrantedEndsTheSession) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  peer.Opened(1);
  EXPECT_TRUE(peer.Hear("exchange: 1", std::string(kWindow - kCost, 'x')).message);
  const absl::Status error = peer.ErrorOf("exchange: 1 message: ''");
  EXPECT_THAT(std::string(error.message()), HasSubstr("more than was granted"));

  MachinePeer other(Side::kServer);
  other.Greeted();
  other.Opened(1);
  EXPECT_THAT(
      std::string(
          other.ErrorOf(FrameOf("exchange: 1", std::string(kWindow - kCost + 1, 'x'))).message()),
      HasSubstr("more than was granted"));
}

TEST(SessionCredit, MuchCreditInManyPiecesEndsTheSession) {
  MachinePeer peer(Side::kClient);
  peer.Greeted();
  peer.Open();
  const std::string half = ExchangeText(1) + "credit_bytes: 549755813888";
  peer.Hear(half);
  EXPECT_THAT(std::string(peer.ErrorOf(half).message()), HasSubstr("more credit"));
}

TEST(SessionCredit, WhatWasTakenIsGrantedAgainByHalves) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  const LanePtr lane = peer.Opened(1);
  const std::size_t quarter = kWindow / 4 - kCost;
  for (int i = 0; i < 3; ++i) peer.Hear("exchange: 1", std::string(quarter, 'x'));
  peer.Took(lane, quarter, /*empty=*/false);
  EXPECT_FALSE(peer.machine.has_output()) << "three quarters are granted or held";
  peer.Took(lane, quarter, /*empty=*/false);
  EXPECT_THAT(peer.SaidAll(), ElementsAre(Is("exchange: 1 credit_bytes: 8192")));
}

// A peer that cuts no messages must not wait for what a reader who has taken all has not told.
TEST(SessionCredit, IsGrantedBeforeWhatIsNotToldWouldMakeHalfOfTheWindowFree) {
  const std::size_t untold = SessionMachine::WorthTelling(/*empty=*/true);
  for (const bool reaches : {false, true}) {
    MachinePeer peer(Side::kServer);
    peer.Greeted();
    const LanePtr lane = peer.Opened(1);
    const std::size_t size = kWindow / 2 - untold - (reaches ? 0 : 1) - kCost;
    peer.Hear("exchange: 1", std::string(size, 'x'));
    peer.Took(lane, size);
    EXPECT_EQ(Credit(peer.SaidAll(), 1), reaches ? size + kCost : 0);
  }
}

TEST(SessionCredit, TheWindowGrowsForAReaderThatKeepsUp) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  const LanePtr lane = peer.Opened(1);
  std::uint64_t granted = kWindow;
  for (const std::size_t window : {2u, 4u, 4u, 4u}) {
    peer.Hear("exchange: 1 remaining_bytes: 1", std::string(granted - kCost - 1, 'x'));
    peer.Hear("exchange: 1 message: 'x'");
    peer.Took(lane, granted - kCost);
    EXPECT_EQ(Credit(peer.SaidAll(), 1), window * kWindow);
    granted = window * kWindow;
    EXPECT_EQ(peer.machine.pool_used(), (window - 1) * kWindow);
  }
}

TEST(SessionCredit, TheWindowDoesNotGrowForAReaderThatIsBehind) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  const LanePtr lane = peer.Opened(1);
  const std::size_t size = kWindow / 2 - kCost;
  peer.Hear("exchange: 1", std::string(size, 'x'));
  for (int i = 0; i < 5; ++i) {
    peer.Hear("exchange: 1", std::string(size, 'x'));
    peer.Took(lane, size, /*empty=*/false);
    EXPECT_EQ(Credit(peer.SaidAll(), 1), kWindow / 2);
  }
  EXPECT_EQ(peer.machine.pool_used(), 0u);
}

TEST(SessionCredit, NothingIsGrantedAfterTheClientsEnd) {
  MachinePeer peer(Side::kServer);
  peer.Greeted();
  const LanePtr lane = peer.Opened(1);
  peer.Hear("exchange: 1 end: true", std::string(kWindow - kCost, 'x'));
  peer.Took(lane, kWindow - kCost);
  EXPECT_FALSE(peer.machine.has_output());
}

}  // namespace
}  // namespace parley::detail
