// What lies between the two ends of a local call: messages in both directions, from many threads,
// without deep stacks, until it is closed.
#include "src/wire/local/pipe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/call/gate.h"

namespace parley::detail {
namespace {

using call_test::Counter;
using call_test::Gate;

Payload Message(int number) {
  Buffer buffer;
  buffer.Append(std::to_string(number));
  return Payload(std::move(buffer));
}
int NumberOf(const Payload& message) { return std::stoi(message.bytes().ToString()); }

// An end that does what a test says when it is told something.
struct End final : PipeEnd {
  ~End() override {
    if (destroyed) destroyed();
  }
  void Delivered(Payload message) override {
    if (delivered) delivered(std::move(message));
  }
  void EndDelivered() override {
    if (end_delivered) end_delivered();
  }
  void Written() override {
    if (written) written();
  }
  void Severed(absl::Status status) override {
    if (severed) severed(std::move(status));
  }

  std::function<void(Payload)> delivered;
  std::function<void()> end_delivered;
  std::function<void()> written;
  std::function<void(absl::Status)> severed;
  std::function<void()> destroyed;
};

class PipeTest : public testing::Test {
 protected:
  PipeTest() { EXPECT_TRUE(pipe_.Connect(ends_[0], ends_[1])); }

  Pipe pipe_;
  const std::shared_ptr<End> ends_[2] = {std::make_shared<End>(), std::make_shared<End>()};
};

class PipeDirections : public PipeTest, public testing::WithParamInterface<Pipe::Side> {
 protected:
  const Pipe::Side from_ = GetParam();
  const Pipe::Side to_ = from_ == Pipe::kClient ? Pipe::kServer : Pipe::kClient;
  End& writer_ = *ends_[from_];
  End& reader_ = *ends_[to_];
};

INSTANTIATE_TEST_SUITE_P(, PipeDirections, testing::Values(Pipe::kClient, Pipe::kServer),
                         [](const auto& info) {
                           return info.param == Pipe::kClient ? "ToServer" : "ToClient";
                         });

TEST_P(PipeDirections, AMessageWaitsUntilTheOtherEndReads) {
  std::string events;
  writer_.written = [&] { events += 'w'; };
  reader_.delivered = [&](Payload message) { events += std::to_string(NumberOf(message)); };
  pipe_.Write(from_, Message(1), false);
  EXPECT_EQ(events, "");
  pipe_.Read(to_);
  EXPECT_EQ(events, "1w") << "delivered, and then written";
  pipe_.Read(to_);
  EXPECT_EQ(events, "1w");
  pipe_.Write(from_, Message(2), false);
  EXPECT_EQ(events, "1w2w");
}

TEST_P(PipeDirections, TheEndFollowsTheLastMessageWithoutARead) {
  std::string events;
  writer_.written = [&] { events += 'w'; };
  reader_.delivered = [&](Payload message) { events += std::to_string(NumberOf(message)); };
  reader_.end_delivered = [&] { events += 'e'; };
  pipe_.Write(from_, Message(1), true);
  EXPECT_EQ(events, "");
  pipe_.Read(to_);
  EXPECT_EQ(events, "1ew");
}

TEST_P(PipeDirections, AnEndWithoutAMessageWaitsForNobody) {
  std::string events;
  writer_.written = [&] { events += 'w'; };
  reader_.end_delivered = [&] { events += 'e'; };
  pipe_.Write(from_, std::nullopt, true);
  EXPECT_EQ(events, "ew");
}

// Both ends go on from inside what they are told, as calls do.
TEST_P(PipeDirections, AHundredThousandMessagesNeedNoDeepStack) {
  constexpr int kMessages = 100'000;
  std::uintptr_t lowest = std::numeric_limits<std::uintptr_t>::max();
  std::uintptr_t highest = 0;
  const auto look = [&] {
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    lowest = std::min(lowest, here);
    highest = std::max(highest, here);
  };
  int sent = 0;
  int received = 0;
  bool ended = false;
  writer_.written = [&] {
    look();
    if (++sent < kMessages) pipe_.Write(from_, Message(sent), sent + 1 == kMessages);
  };
  reader_.delivered = [&](Payload message) {
    look();
    EXPECT_EQ(NumberOf(message), received);
    ++received;
    pipe_.Read(to_);
  };
  reader_.end_delivered = [&] { ended = true; };
  pipe_.Read(to_);
  pipe_.Write(from_, Message(0), false);
  EXPECT_EQ(received, kMessages);
  EXPECT_TRUE(ended);
  EXPECT_LT(highest - lowest, 16'000u);
}

// However much goes one way, what goes the other way is carried too.
TEST_P(PipeDirections, IsNotStarvedByTheOther) {
  int others = 0;
  int others_before = -1;
  reader_.delivered = [&](Payload) { others_before = others; };
  reader_.written = [&] {
    if (++others < 10'000 && others_before < 0) pipe_.Write(to_, Message(others), false);
  };
  writer_.delivered = [&](Payload) {
    if (others == 100) pipe_.Write(from_, Message(0), false);
    pipe_.Read(from_);
  };
  pipe_.Read(to_);
  pipe_.Read(from_);
  pipe_.Write(to_, Message(0), false);
  EXPECT_GE(others_before, 100);
  EXPECT_LT(others_before, 110) << "that many messages went the other way before this one";
}

// Each end reads and writes on threads of its own; the pipe tells an end one thing at a time.
TEST_F(PipeTest, CarriesInBothDirectionsFromManyThreads) {
  constexpr int kMessages = 20'000;
  std::atomic<bool> inside = false;
  const auto alone = [&](const auto& act) {
    EXPECT_FALSE(inside.exchange(true)) << "the pipe tells two things at once";
    act();
    inside = false;
  };
  struct Flow {
    Counter delivered, written;
    Gate ended;
    int expected = 0;
  } flows[2];  // by the side that writes
  for (const int from : {0, 1}) {
    Flow& flow = flows[from];
    ends_[1 - from]->delivered = [&](Payload message) {
      alone([&] {
        EXPECT_EQ(NumberOf(message), flow.expected);
        ++flow.expected;
      });
      flow.delivered.Add();
    };
    ends_[1 - from]->end_delivered = [&] { flow.ended.Open(); };
    ends_[from]->written = [&] {
      alone([] {});
      flow.written.Add();
    };
  }
  std::vector<std::thread> threads;
  for (const int from : {0, 1}) {
    const auto side = static_cast<Pipe::Side>(from);
    const auto other = static_cast<Pipe::Side>(1 - from);
    Flow& flow = flows[from];
    threads.emplace_back([this, side, &flow] {
      for (int i = 0; i < kMessages; ++i) {
        ASSERT_TRUE(flow.written.Reaches(i));
        pipe_.Write(side, Message(i), i + 1 == kMessages);
      }
    });
    threads.emplace_back([this, other, &flow] {
      for (int i = 0; i < kMessages; ++i) {
        ASSERT_TRUE(flow.delivered.Reaches(i));
        pipe_.Read(other);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (Flow& flow : flows) {
    EXPECT_TRUE(flow.ended.Opens());
    EXPECT_EQ(flow.delivered.value(), kMessages);
  }
}

TEST(PipeClose, DropsBothEndsAndWhatWasNotCarried) {
  Pipe pipe;
  auto client = std::make_shared<End>();
  auto server = std::make_shared<End>();
  server->delivered = [](Payload) { FAIL() << "the pipe was closed"; };
  pipe.Connect(client, server);
  const auto owner = std::make_shared<int>();
  Buffer buffer;
  buffer.AppendReference("text", owner);
  pipe.Write(Pipe::kClient, Payload(std::move(buffer)), false);
  EXPECT_EQ(owner.use_count(), 2);
  EXPECT_EQ(pipe.Close(Pipe::kClient), server);
  EXPECT_EQ(owner.use_count(), 1);
  EXPECT_EQ(client.use_count(), 1);
  EXPECT_EQ(server.use_count(), 1);
  pipe.Read(Pipe::kServer);
  EXPECT_EQ(pipe.Close(Pipe::kClient), nullptr) << "the other end is told once";
  EXPECT_EQ(pipe.Close(Pipe::kServer), nullptr);
}

TEST(PipeClose, BeforeTheEndsWereConnectedRefusesThem) {
  Pipe pipe;
  EXPECT_EQ(pipe.Close(Pipe::kClient), nullptr);
  const auto end = std::make_shared<End>();
  EXPECT_FALSE(pipe.Connect(end, end));
  EXPECT_EQ(end.use_count(), 1);
}

TEST(PipeSever, TellsTheOtherEndOnce) {
  for (const Pipe::Side from : {Pipe::kClient, Pipe::kServer}) {
    Pipe pipe;
    const std::shared_ptr<End> ends[2] = {std::make_shared<End>(), std::make_shared<End>()};
    std::vector<absl::Status> told;
    ends[1 - from]->severed = [&](absl::Status status) { told.push_back(std::move(status)); };
    ends[from]->severed = [](const absl::Status&) { FAIL() << "it was this end that severed"; };
    pipe.Connect(ends[0], ends[1]);
    pipe.Sever(from, absl::AbortedError("enough"));
    pipe.Sever(from, absl::AbortedError("twice"));
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0], absl::AbortedError("enough"));
  }
}

// An end may be let go of by what it is told; it is destroyed where it may use the pipe.
TEST(PipeClose, InsideWhatAnEndIsToldLetsGoOfItWithoutALock) {
  Pipe pipe;
  bool destroyed = false;
  auto client = std::make_shared<End>();
  auto server = std::make_shared<End>();
  client->destroyed = [&] {
    destroyed = true;
    pipe.Read(Pipe::kClient);
  };
  server->delivered = [&](Payload) { pipe.Close(Pipe::kServer); };
  pipe.Connect(client, server);
  client.reset();
  pipe.Read(Pipe::kServer);
  pipe.Write(Pipe::kClient, Message(1), false);
  EXPECT_TRUE(destroyed);
}

TEST(PipeClose, AtAnyTimeFromAnyThread) {
  for (int round = 0; round < 300; ++round) {
    Pipe pipe;
    std::weak_ptr<End> alive[2];
    Counter carried;
    Counter severed;
    {
      const std::shared_ptr<End> ends[2] = {std::make_shared<End>(), std::make_shared<End>()};
      for (const int side : {0, 1}) {
        alive[side] = ends[side];
        ends[side]->written = [&pipe, side] {
          pipe.Write(static_cast<Pipe::Side>(side), Message(1), false);
        };
        ends[side]->delivered = [&, side](Payload) {
          carried.Add();
          pipe.Read(static_cast<Pipe::Side>(side));
        };
        ends[side]->severed = [&](const absl::Status&) { severed.Add(); };
      }
      pipe.Connect(ends[0], ends[1]);
    }
    std::vector<std::thread> threads;
    for (const Pipe::Side side : {Pipe::kClient, Pipe::kServer}) {
      // Whoever comes first pumps until the pipe is closed.
      threads.emplace_back([&pipe, side] {
        pipe.Read(side);
        pipe.Write(side, Message(1), false);
      });
    }
    threads.emplace_back([&, round] {
      EXPECT_TRUE(carried.Reaches(round));
      pipe.Sever(round % 2 == 0 ? Pipe::kClient : Pipe::kServer, absl::CancelledError(""));
    });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(severed.value(), 1);
    EXPECT_TRUE(alive[0].expired());
    EXPECT_TRUE(alive[1].expired());
  }
}

}  // namespace
}  // namespace parley::detail
