// What a session's exchanges are granted beyond their first windows, from one pool, and what memory
// they hold.
#include <memory>
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
using Limits = SessionMachine::Limits;

std::string ExchangeText(std::uint64_t id) { return "exchange: " + std::to_string(id) + " "; }

// A session whose pool has room for four first windows, half of them for long messages.
constexpr Limits kSmallPool = {.max_message_bytes = 1 << 20,
                               .max_exchanges = 100,
                               .max_window_bytes = 64 * kWindow,
                               .pool_bytes = 4 * kWindow};
constexpr std::size_t kHalf = kSmallPool.pool_bytes / 2;

class CreditPool : public testing::Test {
 protected:
  CreditPool() { server.Greeted("revision: 1 max_exchanges: 100"); }

  // A reader that keeps up with a whole window.
  void Fill(const LanePtr& lane, std::uint64_t id, std::size_t window) {
    server.Hear(ExchangeText(id) + "remaining_bytes: 1", std::string(window - kCost - 1, 'x'));
    server.Hear(ExchangeText(id) + "message: 'x'");
    server.Took(lane, window - kCost);
  }
  // The exchange's first window, of a message that needs `more` beside.
  void Begin(std::uint64_t id, std::size_t more) {
    server.Hear(ExchangeText(id) + "remaining_bytes: " + std::to_string(more),
                std::string(kWindow - kCost, 'x'));
  }
  // What is granted now, and to whom.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> Granted() {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> granted;
    for (const v1::Frame& frame : server.SaidAll()) {
      if (frame.credit_bytes() > 0) granted.emplace_back(frame.exchange(), frame.credit_bytes());
    }
    return granted;
  }
  using To = std::pair<std::uint64_t, std::uint64_t>;

  MachinePeer server{Side::kServer, kSmallPool};
};

TEST_F(CreditPool, WindowsTakeAtMostHalfOfIt) {
  const LanePtr first = server.Opened(1);
  const LanePtr second = server.Opened(2);
  Fill(first, 1, kWindow);
  EXPECT_THAT(Granted(), ElementsAre(To(1, 2 * kWindow)));
  Fill(first, 1, 2 * kWindow);
  EXPECT_THAT(Granted(), ElementsAre(To(1, 2 * kWindow))) << "three more would be over the half";
  Fill(second, 2, kWindow);
  EXPECT_THAT(Granted(), ElementsAre(To(2, 2 * kWindow)));
  EXPECT_EQ(server.machine.pool_used(), kHalf);
  const LanePtr third = server.Opened(3);
  Fill(third, 3, kWindow);
  EXPECT_THAT(Granted(), ElementsAre(To(3, kWindow))) << "its first window stays";
  server.Finish(first, std::nullopt);
  EXPECT_EQ(server.machine.pool_used(), kHalf / 2);
}

TEST_F(CreditPool, LongMessagesWaitForTheOldest) {
  for (std::uint64_t id = 1; id <= 4; ++id) server.Opened(id);
  Begin(1, kHalf - 10);
  EXPECT_THAT(Granted(), ElementsAre(To(1, kHalf - 10)));
  Begin(2, 11);
  Begin(3, 1);
  Begin(4, 1);
  EXPECT_THAT(Granted(), IsEmpty()) << "the third would fit, but the second is before it";
  EXPECT_EQ(server.machine.pool_used(), kHalf - 10);

  EXPECT_TRUE(server.Hear("exchange: 1", std::string(kHalf - 10, 'x')).message);
  EXPECT_THAT(Granted(), IsEmpty()) << "it has come, and nobody has taken it";
  server.Took(server.lanes[0], kWindow - kCost + kHalf - 10);
  EXPECT_THAT(Granted(),
              testing::UnorderedElementsAre(To(1, 2 * kWindow), To(2, 11), To(3, 1), To(4, 1)));
}

TEST_F(CreditPool, OneLongMessageIsAlwaysAdmitted) {
  server.Opened(1);
  server.Opened(2);
  Begin(1, kSmallPool.max_message_bytes - 2 * kWindow);
  EXPECT_THAT(Granted(), SizeIs(1));
  Begin(2, 1);
  EXPECT_THAT(Granted(), IsEmpty());
}

TEST_F(CreditPool, WhatALongMessageWasGrantedIsFreeWhenItWasTaken) {
  const LanePtr lane = server.Opened(1);
  Begin(1, kHalf);
  server.Hear("exchange: 1", std::string(kHalf, 'x'));
  EXPECT_EQ(server.machine.pool_used(), kHalf);
  server.Took(lane, kWindow - kCost + kHalf, /*empty=*/false);
  EXPECT_EQ(server.machine.pool_used(), 0u);
}

TEST_F(CreditPool, WhatALongMessageWasGrantedIsNotFreeWhenAnotherWasTaken) {
  const LanePtr lane = server.Opened(1);
  server.Hear("exchange: 1", std::string(10'000, 'x'));
  server.Hear("exchange: 1 remaining_bytes: 32768", std::string(kWindow - 2 * kCost - 10'000, 'x'));
  EXPECT_THAT(Granted(), ElementsAre(To(1, kHalf)));
  server.Hear("exchange: 1", std::string(kHalf, 'x'));
  server.Took(lane, 10'000, /*empty=*/false);
  EXPECT_EQ(server.machine.pool_used(), kHalf);
  EXPECT_THAT(Granted(), IsEmpty());
}

// As a handler may run for long after its last request.
TEST_F(CreditPool, WhatTheLastMessageWasGrantedIsFreeWhenItWasTaken) {
  const LanePtr lane = server.Opened(1);
  server.Opened(2);
  Begin(1, kHalf);
  Granted();
  EXPECT_TRUE(server.Hear("exchange: 1 end: true", std::string(kHalf, 'x')).ended);
  Begin(2, kHalf);
  EXPECT_THAT(Granted(), IsEmpty());
  server.Took(lane, kWindow - kCost + kHalf);
  EXPECT_THAT(Granted(), ElementsAre(To(2, kHalf)));
}

TEST_F(CreditPool, WhatALongMessageWasGrantedIsFreeWhenItsCallIsOver) {
  for (std::uint64_t id = 1; id <= 4; ++id) server.Opened(id);
  for (std::uint64_t id = 1; id <= 4; ++id) Begin(id, kHalf);
  EXPECT_THAT(Granted(), ElementsAre(To(1, kHalf)));
  server.Hear("exchange: 1 cancel: true");
  EXPECT_THAT(Granted(), ElementsAre(To(2, kHalf)));
  server.machine.Cancel(*server.lanes[1], absl::AbortedError(""));
  EXPECT_THAT(Granted(), ElementsAre(To(3, kHalf)));
  server.Finish(server.lanes[2], std::nullopt);
  EXPECT_THAT(Granted(), ElementsAre(To(4, kHalf)));
  server.machine.Break();
  EXPECT_EQ(server.machine.pool_used(), 0u);
}

TEST_F(CreditPool, TheEndOfAResponseFreesWhatItWasGranted) {
  MachinePeer client(Side::kClient, kSmallPool);
  client.Greeted("revision: 1 max_exchanges: 100");
  client.Open("r"), client.Open("r");
  for (const char* id : {"exchange: 1 ", "exchange: 2 "}) {
    client.Hear(std::string(id) + "remaining_bytes: 32768", std::string(kWindow - kCost, 'x'));
  }
  EXPECT_EQ(client.machine.pool_used(), kHalf);
  client.SaidAll();
  client.Hear("exchange: 1 status { }", std::string(kHalf, 'x'));
  EXPECT_THAT(client.SaidAll(), ElementsAre(Is("exchange: 2 credit_bytes: 32768")));
}

TEST_F(CreditPool, AMessageThatWaitsAndIsGivenUpIsNotGranted) {
  for (std::uint64_t id = 1; id <= 3; ++id) server.Opened(id);
  Begin(1, kHalf), Begin(2, kHalf), Begin(3, kHalf);
  Granted();
  server.Hear("exchange: 2 cancel: true");
  EXPECT_THAT(Granted(), IsEmpty());
  server.Hear("exchange: 1 cancel: true");
  EXPECT_THAT(Granted(), ElementsAre(To(3, kHalf)));
}

TEST_F(CreditPool, AReaderThatTakesWhatIsBeforeALongMessageDoesNotNeedThePool) {
  const LanePtr lane = server.Opened(1);
  server.Opened(2);
  Begin(2, kHalf);
  Granted();
  server.Hear("exchange: 1", std::string(10'000, 'x'));
  server.Hear("exchange: 1 remaining_bytes: 9000", std::string(kWindow - 2 * kCost - 10'000, 'x'));
  EXPECT_THAT(Granted(), IsEmpty());
  server.Took(lane, 10'000);
  EXPECT_THAT(Granted(), SizeIs(1)) << "what was taken is granted again";
  EXPECT_TRUE(server.Hear("exchange: 1", std::string(9000, 'x')).message);
}

// --- Memory.

// Whoever opens calls and gives them up again must not fill the memory, whatever the others do.
TEST_F(CreditPool, ACallThatIsOverIsForgottenThoughOthersWaitForThePool) {
  server.Opened(1), server.Opened(2);
  Begin(1, kHalf), Begin(2, kHalf);
  Granted();
  for (std::uint64_t id = 3; id <= 50; ++id) {
    std::weak_ptr<Lane> lane = server.Opened(id);
    Begin(id, 1);
    server.Hear(ExchangeText(id) + "cancel: true");
    server.lanes.clear();
    server.machine.TakeServed();
    EXPECT_TRUE(lane.expired()) << id;
  }
}

TEST_F(CreditPool, ACallThatIsOverIsForgottenThoughNobodyReads) {
  // Fills the batch, which nobody takes.
  server.Opened(1);
  server.machine.SetHeaders(*server.lanes[0],
                            {{"h", std::string(SessionMachine::kMostBatchBytes, 'x')}});
  server.Finish(server.lanes[0], std::nullopt);
  std::vector<std::weak_ptr<Lane>> over;
  for (std::uint64_t id = 2; id <= 1000; ++id) {
    over.push_back(server.Opened(id));
    server.Finish(server.lanes.back(), std::nullopt);
    server.Hear(ExchangeText(id) + "cancel: true");
    server.lanes.clear();
    server.machine.TakeServed();
  }
  EXPECT_EQ(server.machine.exchanges(), 0u);
  std::size_t alive = 0;
  for (const std::weak_ptr<Lane>& lane : over) alive += lane.expired() ? 0 : 1;
  EXPECT_LE(alive, 100u);
}

// A batch as a peer sends it, and whether anything keeps it alive.
struct ArrivedBatch {
  explicit ArrivedBatch(const std::vector<v1::Frame>& frames) : bytes(ListOf(frames)) {}
  Block Take() {
    static constexpr OwnerOps kOps = {
        [](void* batch) { ++static_cast<ArrivedBatch*>(batch)->references; },
        [](void* batch) { --static_cast<ArrivedBatch*>(batch)->references; }};
    ++references;
    return Block(&kOps, this, bytes.data(), bytes.size());
  }
  bool Holds(const Payload& message) const {
    for (const Block& piece : message.bytes().pieces()) {
      if (piece.owner() == this) return true;
    }
    return false;
  }
  std::string bytes;
  int references = 0;
};

class SessionMemory : public testing::Test {
 protected:
  SessionMemory() {
    server.Greeted();
    server.Opened(1);
  }
  // What the first of these frames brings.
  Payload Bring(ArrivedBatch& batch) {
    std::vector<Event> events = server.HearBytes(batch.Take());
    EXPECT_TRUE(server.error.ok());
    return *std::move(events[0].message);
  }
  static v1::Frame Padding(std::size_t size) {
    v1::Frame padding = FrameOf("skippable: true");
    padding.GetReflection()->MutableUnknownFields(&padding)->AddLengthDelimited(99)->assign(size,
                                                                                            'x');
    return padding;
  }

  MachinePeer server{Side::kServer};
};

TEST_F(SessionMemory, AShortMessageIsCopiedOutOfALargeBatch) {
  for (const std::size_t size : {1u, 24u, 25u, 1000u}) {
    ArrivedBatch batch({FrameOf("exchange: 1", std::string(size, 'm')), Padding(5000)});
    const Payload message = Bring(batch);
    EXPECT_EQ(message.bytes().ToString(), std::string(size, 'm'));
    EXPECT_FALSE(batch.Holds(message));
    EXPECT_EQ(batch.references, 0) << size;
  }
}

TEST_F(SessionMemory, AMessageThatIsMostOfItsBatchIsNotCopied) {
  ArrivedBatch batch({FrameOf("exchange: 1", std::string(2000, 'm')), Padding(5000)});
  const Payload message = Bring(batch);
  EXPECT_TRUE(batch.Holds(message));
  EXPECT_EQ(batch.references, 1);
}

TEST_F(SessionMemory, AMessageThatWillSoonBeTakenIsNotCopiedOutOfASmallBatch) {
  ArrivedBatch small({FrameOf("exchange: 2 start { } message: 'm' end: true"), Padding(5000)});
  EXPECT_TRUE(small.Holds(Bring(small)));
  ArrivedBatch large({FrameOf("exchange: 3 start { } message: 'm' end: true"), Padding(40'000)});
  const Payload message = Bring(large);
  EXPECT_FALSE(large.Holds(message));
  EXPECT_EQ(large.references, 0);
}

TEST_F(SessionMemory, PiecesOfALongMessageAreKeptByTheSameRule) {
  ArrivedBatch first(
      {FrameOf("exchange: 1 remaining_bytes: 2000", std::string(10, 'm')), Padding(5000)});
  server.HearBytes(first.Take());
  EXPECT_EQ(first.references, 0);
  ArrivedBatch second({FrameOf("exchange: 1", std::string(2000, 'm'))});
  const Payload message = Bring(second);
  EXPECT_EQ(message.bytes().ToString(), std::string(2010, 'm'));
  EXPECT_TRUE(second.Holds(message));
}

TEST_F(SessionMemory, ABatchIsLetGoOfWithItsLastFrame) {
  ArrivedBatch batch({FrameOf("exchange: 1 end: true"), Padding(5000)});
  server.HearBytes(batch.Take());
  EXPECT_EQ(batch.references, 0);
}

}  // namespace
}  // namespace parley::detail
