// One SessionMachine and a peer whose every frame a test writes out, through protoc's code and not
// the codec under test. For the tests of the machine's behaviour.
#ifndef PARLEY_TESTS_SESSION_MACHINE_PEER_H_
#define PARLEY_TESTS_SESSION_MACHINE_PEER_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/unknown_field_set.h"
#include "google/protobuf/util/message_differencer.h"
#include "parley/v1/session.pb.h"
#include "src/wire/session/session_machine.h"

namespace parley::detail {

inline constexpr std::size_t kWindow = kFirstWindowBytes;
inline constexpr std::size_t kCost = SessionMachine::kMessageCostBytes;

struct TestLane : Lane {
  TestLane() = default;
  explicit TestLane(std::string_view opened, std::uint64_t timeout)
      : method(opened), timeout_us(timeout) {}
  std::string method;
  std::uint64_t timeout_us = 0;
};
using LanePtr = std::shared_ptr<TestLane>;

inline v1::Frame FrameOf(const std::string& text) {
  v1::Frame frame;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &frame)) << text;
  return frame;
}
inline v1::Frame FrameOf(const std::string& text, std::string message) {
  v1::Frame frame = FrameOf(text);
  frame.set_message(std::move(message));
  return frame;
}

inline Block BlockOf(std::string_view bytes) {
  Block block = AllocateHeapBlock(bytes.size());
  if (!bytes.empty()) std::memcpy(block.mutable_data(), bytes.data(), bytes.size());
  return block;
}
// As parley encodes them, with the message last: so short ways are taken where there are some.
inline std::string ListOf(const std::vector<v1::Frame>& frames) {
  google::protobuf::UnknownFieldSet fields;
  for (v1::Frame frame : frames) {
    v1::Frame message;
    if (frame.has_message()) message.set_message(frame.message());
    frame.clear_message();
    fields.AddLengthDelimited(1, frame.SerializeAsString() + message.SerializeAsString());
  }
  std::string list;
  EXPECT_TRUE(fields.SerializeToString(&list));
  return list;
}

inline Payload Bytes(std::string_view bytes) {
  Buffer buffer;
  buffer.Append(bytes);
  return Payload(std::move(buffer));
}

// That a frame is what `text` says.
MATCHER_P(Is, text, text) {
  return google::protobuf::util::MessageDifferencer::Equals(arg, FrameOf(text));
}
MATCHER_P2(Is, text, message, text) {
  return google::protobuf::util::MessageDifferencer::Equals(arg, FrameOf(text, message));
}

class MachinePeer {
 public:
  using Side = SessionMachine::Side;
  using Event = SessionMachine::Event;
  using Limits = SessionMachine::Limits;

  static constexpr Limits kLimits = {.max_message_bytes = 1 << 20,
                                     .max_exchanges = 4,
                                     .max_window_bytes = 4 * kWindow,
                                     .pool_bytes = 1 << 20};

  explicit MachinePeer(Side side, Limits limits = kLimits)
      : machine(side, limits, &AllocateHeapBlock,
                [this](std::string_view method, std::uint64_t timeout_us) {
                  lanes.push_back(std::make_shared<TestLane>(method, timeout_us));
                  return lanes.back();
                }) {}

  // Both sides have greeted.
  MachinePeer& Greeted(const std::string& hello = "revision: 1 max_exchanges: 4") {
    machine.Greet({});
    Said();
    Hear("hello { " + hello + " }");
    return *this;
  }

  // Client: opens a call; null if it can't.
  LanePtr Open(std::optional<std::string> request = std::nullopt, Metadata metadata = {}) {
    auto lane = std::make_shared<TestLane>();
    SessionMachine::Opening opening{"a.B/C", 0, std::move(metadata), std::nullopt};
    if (request) opening.request = Bytes(*request);
    return machine.Open(lane, opening) ? lane : nullptr;
  }
  // Server: the client opens one, and streams.
  LanePtr Opened(std::uint64_t id) {
    Hear("exchange: " + std::to_string(id) + " start { method: 'a.B/C' }");
    return lanes.empty() ? nullptr : lanes.back();
  }
  bool Send(const LanePtr& lane, std::string_view message, bool end = false) {
    return machine.Send(*lane, Bytes(message), end);
  }
  bool Finish(const LanePtr& lane, std::optional<std::string> message, absl::Status status = {}) {
    std::optional<Payload> payload;
    if (message) payload = Bytes(*message);
    return machine.Finish(*lane, std::move(payload), std::move(status), {});
  }
  // The application takes one message.
  void Took(const LanePtr& lane, std::size_t message_bytes, bool empty = true) {
    machine.Took(*lane, SessionMachine::CostOf(message_bytes), empty);
  }

  // One batch of what the machine has to say.
  std::vector<v1::Frame> Said() {
    machine.FillOutput();
    v1::OpenResponse batch;
    EXPECT_TRUE(batch.ParseFromString(machine.TakeOutput().ToString()));
    return {batch.frames().begin(), batch.frames().end()};
  }
  // All that it has to say, in as many batches as it takes.
  std::vector<v1::Frame> SaidAll() {
    std::vector<v1::Frame> all;
    while (machine.has_output()) {
      for (v1::Frame& frame : Said()) all.push_back(std::move(frame));
    }
    return all;
  }

  // What the machine makes of the bytes; an error is put at the end.
  std::vector<Event> HearBytes(Block bytes) {
    std::vector<Event> events;
    machine.Arrived(std::move(bytes));
    error = absl::OkStatus();
    for (;;) {
      Event event;
      const std::shared_ptr<Lane> last = events.empty() ? nullptr : events.back().lane;
      const absl::StatusOr<bool> more = machine.Receive(event, last.get());
      error = more.status();
      if (!more.ok() || !*more) return events;
      if (event.follows) event.lane = last;
      events.push_back(std::move(event));
    }
  }
  std::vector<Event> HearAll(const std::vector<v1::Frame>& frames) {
    return HearBytes(BlockOf(ListOf(frames)));
  }
  Event Hear(const v1::Frame& frame) {
    std::vector<Event> events = HearAll({frame});
    EXPECT_EQ(error, absl::OkStatus());
    EXPECT_EQ(events.size(), 1u);
    return events.empty() ? Event() : std::move(events[0]);
  }
  Event Hear(const std::string& text) { return Hear(FrameOf(text)); }
  Event Hear(const std::string& text, std::string message) {
    return Hear(FrameOf(text, std::move(message)));
  }
  // The error that ends the session.
  absl::Status ErrorOf(const v1::Frame& frame) {
    const std::vector<Event> events = HearAll({frame});
    EXPECT_TRUE(events.empty());
    return error;
  }
  absl::Status ErrorOf(const std::string& text) { return ErrorOf(FrameOf(text)); }

  std::vector<LanePtr> lanes;  // server: that were made
  absl::Status error;          // of the last bytes
  SessionMachine machine;
};

// What the machine has let go of with `taken`.
inline std::vector<Lane*> TakenLanes(SessionMachine& machine) {
  std::vector<Lane*> taken;
  for (const SessionMachine::Served& served : machine.TakeServed()) {
    if (served.taken) taken.push_back(served.lane.get());
  }
  return taken;
}

}  // namespace parley::detail

#endif  // PARLEY_TESTS_SESSION_MACHINE_PEER_H_
