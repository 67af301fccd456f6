// In which order a session's exchanges speak, how much at once, and what becomes of their messages'
// memory.
#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/session/machine_peer.h"

namespace parley::detail {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Side = SessionMachine::Side;
using Event = SessionMachine::Event;

constexpr std::size_t kTurn = SessionMachine::kTurnBytes;
constexpr std::size_t kMostBatch = SessionMachine::kMostBatchBytes;
// Of a frame that is nothing but a piece of a message.
constexpr std::size_t kFrameBytes = 16;

std::vector<std::uint64_t> Ids(const std::vector<v1::Frame>& frames) {
  std::vector<std::uint64_t> ids;
  for (const v1::Frame& frame : frames) ids.push_back(frame.exchange());
  return ids;
}
std::size_t Bytes(const std::vector<v1::Frame>& frames) { return ListOf(frames).size(); }

class SessionTurns : public testing::Test {
 protected:
  SessionTurns() { client.Greeted("revision: 1 max_exchanges: 100"); }

  // A stream with credit for whatever it is to send.
  LanePtr OpenWithCredit() {
    LanePtr lane = client.Open();
    client.Hear("exchange: " + std::to_string(++opened_) + " credit_bytes: 10000000");
    client.SaidAll();
    return lane;
  }
  // Nothing goes out before this batch is taken.
  void FillBatch() {
    client.Send(OpenWithCredit(), std::string(20 * kTurn, 'x'));
    client.machine.FillOutput();
    EXPECT_GE(client.machine.output_bytes(), kMostBatch);
  }

  MachinePeer client{Side::kClient};

 private:
  std::uint64_t opened_ = 0;
};

TEST_F(SessionTurns, ALongMessageIsCutIntoTurns) {
  const LanePtr lane = OpenWithCredit();
  EXPECT_FALSE(client.Send(lane, std::string(3 * kTurn + 1, 'x')));
  const std::vector<v1::Frame> frames = client.Said();
  ASSERT_THAT(frames, SizeIs(4));
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(frames[i].message().size(), i < 3 ? kTurn : 1);
    EXPECT_EQ(frames[i].remaining_bytes(), i < 3 ? (2 - i) * kTurn + 1 : 0);
  }
  EXPECT_THAT(TakenLanes(client.machine), ElementsAre(lane.get()));
}

TEST_F(SessionTurns, LongMessagesTakeTurns) {
  const LanePtr first = OpenWithCredit();
  const LanePtr second = OpenWithCredit();
  client.Send(first, std::string(3 * kTurn, 'x'));
  client.Send(second, std::string(3 * kTurn, 'x'));
  EXPECT_THAT(Ids(client.Said()), ElementsAre(1, 1, 2, 1, 2, 2));
}

TEST_F(SessionTurns, AShortMessageDoesNotWaitForALongOne) {
  const LanePtr first = OpenWithCredit();
  const LanePtr second = OpenWithCredit();
  client.Send(first, std::string(100 * kTurn, 'x'));
  client.Said();
  EXPECT_FALSE(client.Send(second, "short")) << "behind those that wait for their turn";
  const std::vector<v1::Frame> frames = client.Said();
  ASSERT_GE(frames.size(), 2u);
  EXPECT_THAT(frames[1], Is("exchange: 2 message: 'short'")) << "after one turn";
}

TEST_F(SessionTurns, NobodySpeaksTwiceBeforeAllOthers) {
  std::vector<LanePtr> lanes;
  for (int i = 0; i < 40; ++i) lanes.push_back(OpenWithCredit());
  for (const LanePtr& lane : lanes) client.Send(lane, std::string(4 * kTurn, 'x'));
  std::vector<int> pieces(lanes.size() + 1);
  while (client.machine.has_output()) {
    for (const v1::Frame& frame : client.Said()) {
      const int spoken = ++pieces[frame.exchange()];
      const int least = *std::min_element(pieces.begin() + 1, pieces.end());
      // The first may have said one before anybody else came.
      EXPECT_LE(spoken, least + 2);
    }
  }
}

TEST_F(SessionTurns, WhoIsQuickIsBoundByTurnsToo) {
  const LanePtr chatty = OpenWithCredit();
  const LanePtr other = OpenWithCredit();
  const std::string message(1000, 'x');
  while (client.Send(chatty, message)) {
  }
  EXPECT_LE(client.machine.output_bytes(), kTurn + message.size() + kFrameBytes);
  client.Send(other, "y");
  const std::vector<v1::Frame> frames = client.Said();
  EXPECT_EQ(frames.back().exchange(), 2u) << "the message that waits, and then the other's";
}

TEST_F(SessionTurns, ABatchHoldsItsMostBytesAndOneFrame) {
  const LanePtr lane = OpenWithCredit();
  client.Send(lane, std::string(3 * kMostBatch, 'x'));
  std::size_t bytes = 0;
  while (client.machine.has_output()) {
    const std::vector<v1::Frame> frames = client.Said();
    EXPECT_LE(Bytes(frames), kMostBatch + kTurn + kFrameBytes);
    for (const v1::Frame& frame : frames) bytes += frame.message().size();
    if (client.machine.has_output()) {
      EXPECT_GE(Bytes(frames), kMostBatch);
    }
  }
  EXPECT_EQ(bytes, 3 * kMostBatch);
}

TEST_F(SessionTurns, WhatIsSaidWhileABatchIsFullComesWithTheNext) {
  FillBatch();
  const LanePtr lane = client.Open("request");
  const std::size_t before = client.machine.output_bytes();
  for (int i = 0; i < 90; ++i) client.Open("request");
  EXPECT_EQ(client.machine.output_bytes(), before) << "the batch does not grow";
  client.Said();
  const std::vector<v1::Frame> frames = client.SaidAll();
  EXPECT_EQ(std::count_if(frames.begin(), frames.end(),
                          [](const v1::Frame& frame) { return frame.has_start(); }),
            91);
}

TEST_F(SessionTurns, CallsAreOpenedInTheOrderOfTheirNumbersHoweverManyWait) {
  FillBatch();
  for (int i = 0; i < 90; ++i) client.Open(std::string(i % 3 == 0 ? kWindow : 10, 'x'));
  std::uint64_t last = 1;
  for (const v1::Frame& frame : client.SaidAll()) {
    if (!frame.has_start()) continue;
    EXPECT_EQ(frame.exchange(), last + 1);
    last = frame.exchange();
  }
  EXPECT_EQ(last, 91u);
}

// Each is a bit of the exchange's, so that however often one is said there is one frame.
TEST(SessionMachine, WhatWaitsForItsTurnIsSaidInOneFrame) {
  MachinePeer server(Side::kServer);
  server.Greeted();
  const LanePtr large = server.Opened(1);
  server.machine.SetHeaders(*large, {{"h", std::string(kMostBatch, 'x')}});
  server.Send(large, "m");
  const LanePtr lane = server.Opened(2);
  const std::size_t quarter = kWindow / 4 - kCost;
  for (int i = 0; i < 4; ++i) server.Hear("exchange: 2", std::string(quarter, 'x'));
  for (int i = 0; i < 4; ++i) server.Took(lane, quarter, /*empty=*/false);
  server.machine.SetHeaders(*lane, {{"h", "1"}});
  server.Finish(lane, "answer", absl::AbortedError("a"));
  server.machine.Cancel(*lane, absl::AbortedError("b"));
  server.Said();
  EXPECT_THAT(server.SaidAll(),
              ElementsAre(Is("exchange: 2 headers { entries { key: 'h' value: '1' } "
                             "} credit_bytes: 16384 status { code: 10 message: 'b' }")));
}

// --- The messages' memory.

struct Owned {
  explicit Owned(std::size_t size) : bytes(std::make_shared<std::string>(size, 'o')) {}
  // In pieces of this size.
  Payload Pieces(std::size_t size) {
    Buffer buffer;
    for (std::size_t i = 0; i < bytes->size(); i += size) {
      buffer.AppendReference(std::string_view(*bytes).substr(i, size), bytes);
    }
    return Payload(std::move(buffer));
  }
  bool Contains(std::string_view piece) const {
    return piece.data() >= bytes->data() && piece.data() < bytes->data() + bytes->size();
  }
  bool InUse() const { return bytes.use_count() > 1; }
  std::shared_ptr<std::string> bytes;
};

std::size_t BytesOf(const Buffer& batch, const Owned& owned) {
  std::size_t bytes = 0;
  for (const Block& piece : batch.pieces()) {
    if (owned.Contains(piece.view())) bytes += piece.size();
  }
  return bytes;
}

TEST_F(SessionTurns, ALongMessageIsSentFromWhereItIs) {
  const LanePtr lane = OpenWithCredit();
  Owned owned(10 * kTurn);
  EXPECT_FALSE(client.machine.Send(*lane, owned.Pieces(5 * kTurn), false));
  client.machine.FillOutput();
  const Buffer batch = client.machine.TakeOutput();
  EXPECT_EQ(BytesOf(batch, owned), 10 * kTurn);
}

TEST_F(SessionTurns, AShortMessageIsCopiedAndGivenBackAtOnce) {
  const LanePtr lane = OpenWithCredit();
  for (const std::size_t piece : {1000u, 10u}) {
    Owned owned(1000);
    Payload message = owned.Pieces(piece);
    EXPECT_TRUE(client.machine.Send(*lane, std::move(message), false));
    message = Payload();
    EXPECT_FALSE(owned.InUse());
    EXPECT_THAT(client.Said(), ElementsAre(Is("exchange: 1", std::string(1000, 'o'))))
        << "in one frame, however many pieces it is in";
  }
}

TEST_F(SessionTurns, AMessageOfManyPiecesArrivesWhole) {
  const LanePtr lane = OpenWithCredit();
  Owned owned(10'000);
  Buffer buffer;
  buffer.Allocate(0);
  buffer.AppendReference(*owned.bytes, owned.bytes);
  buffer.Allocate(0);
  for (int i = 0; i < 10; ++i) buffer.AppendReference("piece", nullptr);
  buffer.Allocate(0);
  client.machine.Send(*lane, Payload(std::move(buffer)), true);
  std::string arrived;
  const std::vector<v1::Frame> frames = client.Said();
  for (const v1::Frame& frame : frames) arrived += frame.message();
  EXPECT_EQ(arrived, *owned.bytes + "piecepiecepiecepiecepiecepiecepiecepiecepiecepiece");
  EXPECT_TRUE(frames.back().end());
}

TEST_F(SessionTurns, AMessageThatWaitedIsGivenBackWhenItWasSaid) {
  const LanePtr lane = OpenWithCredit();
  Owned owned(30 * kTurn);
  EXPECT_FALSE(client.machine.Send(*lane, owned.Pieces(kTurn), false));
  client.Said();
  EXPECT_FALSE(client.machine.has_served());
  EXPECT_TRUE(owned.InUse());
  client.SaidAll();
  EXPECT_THAT(TakenLanes(client.machine), ElementsAre(lane.get()));
  EXPECT_FALSE(owned.InUse());
}

// The server may turn out not to have run the call.
TEST_F(SessionTurns, ARequestIsKeptUntilTheServerHasTheCall) {
  const auto lane = std::make_shared<TestLane>();
  Owned owned(1000);
  SessionMachine::Opening opening{"a.B/C", 0, {}, owned.Pieces(1000)};
  ASSERT_TRUE(client.machine.Open(lane, opening));
  client.SaidAll();
  EXPECT_TRUE(owned.InUse());
  const Event event = client.Hear("exchange: 1 credit_bytes: 1");
  EXPECT_EQ(event.discarded.size_bytes(), 1000u);
}

TEST_F(SessionTurns, ARequestThatIsStillBeingSentIsKeptUntilItWas) {
  const auto lane = std::make_shared<TestLane>();
  Owned owned(2 * kWindow);
  SessionMachine::Opening opening{"a.B/C", 0, {}, owned.Pieces(kWindow)};
  ASSERT_TRUE(client.machine.Open(lane, opening));
  client.SaidAll();
  EXPECT_EQ(client.Hear("exchange: 1 credit_bytes: 1").discarded.size_bytes(), 0u);
  client.Hear("exchange: 1 credit_bytes: 1000000");
  client.SaidAll();
  client.machine.TakeServed();
  EXPECT_FALSE(owned.InUse());
}

}  // namespace
}  // namespace parley::detail
