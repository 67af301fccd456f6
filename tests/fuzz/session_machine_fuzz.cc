// The state machine at either end of a session, told frames that are right, frames that are not and
// bytes that are none, while its calls do what calls may do. Whatever it is told, what it holds stays
// bounded, and after an error nothing comes any more.
#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/wire/session/session_machine.h"
#include "tests/fuzz/fuzz_input.h"

using parley::Buffer;
using parley::Metadata;
using parley::fuzz::Expect;
using parley::fuzz::Input;
using namespace parley::detail;  // NOLINT(google-build-using-namespace)

namespace {

constexpr SessionMachine::Side kClient = SessionMachine::Side::kClient;
constexpr SessionMachine::Side kServer = SessionMachine::Side::kServer;
constexpr std::size_t kMostFrames = 300;

struct FuzzLane : Lane {
  bool sending = false;
  bool closed = false;     // nothing more may be sent
  bool cancelled = false;  // by this end
  bool over = false;       // nothing may come any more
  std::size_t held = 0;    // has come, and was not taken
};
using LanePtr = std::shared_ptr<FuzzLane>;

SessionMachine::Limits LimitsOf(std::uint8_t choice) {
  return {.max_message_bytes = (choice & 2) != 0 ? std::size_t{20'000} : std::size_t{1} << 20,
          .max_exchanges = (choice & 4) != 0 ? std::size_t{2} : std::size_t{100},
          .max_window_bytes = (choice & 8) != 0 ? std::size_t{1} << 20 : kFirstWindowBytes,
          .pool_bytes = (choice & 16) != 0 ? 4 * kFirstWindowBytes : 64 * kFirstWindowBytes};
}

class Fuzzed {
 public:
  explicit Fuzzed(std::uint8_t choice)
      : side_((choice & 1) != 0 ? kServer : kClient),
        limits_(LimitsOf(choice)),
        machine_(side_, limits_, &AllocateHeapBlock, [this](std::string_view, std::uint64_t) {
          return lanes_.emplace_back(std::make_shared<FuzzLane>());
        }) {
    machine_.Greet({});
    if ((choice & 32) == 0) AddHello(100);
  }

  void Step(Input& input) {
    const std::uint8_t what = input.Byte();
    if (what % 16 < 8) {
      if (frames_++ < kMostFrames) AddFrame(what / 16, input);
    } else {
      Act(what % 16, input);
    }
    Check();
  }
  void End() {
    Hear();
    Break();
    Expect(machine_.exchanges() == 0 && machine_.pool_used() == 0, "nothing is left after Break");
    for (const LanePtr& lane : lanes_) {
      const bool finished = lane->cancelled || (side_ == kServer && lane->closed);
      Expect(lane->over || finished || !opened_.contains(lane.get()), "a call that never ended");
    }
    Output();
  }

 private:
  // --- What the peer says.
  void Add(const Frame& frame) {
    const FrameSize size(frame);
    const std::size_t before = batch_.size();
    batch_.resize(before + size.without_message());
    EncodeFrame(frame, size, batch_.data() + before);
    if (frame.message) batch_.append(*frame.message);
  }
  void AddHello(std::uint64_t exchanges) {
    const std::string hello = EncodeHello({1, 1 << 20, exchanges, {}});
    Frame frame;
    frame.hello = hello;
    Add(frame);
  }
  void AddFrame(int kind, Input& input) {
    const std::string metadata = EncodeMetadata({{"key", "value"}});
    Frame frame;
    frame.exchange = input.Byte() % 16;
    const auto start = [&] {
      const unsigned bits = input.Byte();
      const bool same_method = (bits & 1) != 0;
      const bool bare = (bits & 2) != 0;
      frame.start = StartPart{same_method ? std::string_view() : "a.B/C", bits >> 2,
                              bare ? std::string_view() : metadata, same_method};
    };
    std::string message;
    const auto some = [&] {
      const std::size_t size = input.Byte();
      message.assign((size & 1) != 0 ? size * 80 : size, 'm');
      frame.message = message;
    };
    const auto status = [&] {
      frame.status = StatusPart{input.Byte() % 20u, "message", "details", metadata};
    };
    switch (kind) {
      case 0:
        if (side_ == kServer) {
          frame.exchange = ++last_;
          start();
        }
        some();
        frame.end = side_ == kServer;
        break;
      case 1:
        if (side_ == kServer) {
          frame.exchange = ++last_;
          start();
        } else {
          frame.headers = metadata;
        }
        break;
      case 2:
      case 3:
        some();
        break;
      case 4:
      case 5:
        some();
        frame.remaining_bytes = std::uint64_t{input.Byte()} << (input.Byte() % 16);
        rest_ = frame.remaining_bytes;
        break;
      case 6:  // what is left of the message before
        message.assign(std::min<std::uint64_t>(rest_, 15'000), 'm');
        frame.message = message;
        frame.remaining_bytes = rest_ -= message.size();
        break;
      case 7:
      case 8:
        frame.credit_bytes = std::uint64_t{input.Byte()} << (input.Byte() % 64);
        break;
      case 9:
        if (side_ == kServer) {
          frame.end = true;
        } else {
          status();
        }
        break;
      case 10:
        if (side_ == kServer) {
          frame.cancel = true;
        } else {
          some(), status();
        }
        break;
      case 11:
        frame.exchange = 0;
        frame.drain = DrainPart{input.Byte() % 16u};
        break;
      case 12:
        AddHello(input.Byte());
        return;
      case 13: {
        const std::string_view bytes = input.Bytes(input.Byte());
        batch_.append(bytes);
        return;
      }
      case 14: {  // with a part that nobody knows
        batch_.append(std::string_view("\x0a\x04\x60\x01\x78\x01", 6).substr(0, 6));
        if (input.Byte() % 16 == 0) batch_.back() = 0;
        return;
      }
      default:
        frame.exchange = input.Byte();
        if (input.Byte() % 2 == 0) start();
        if (input.Byte() % 2 == 0) frame.headers = metadata;
        if (input.Byte() % 2 == 0) some();
        if (input.Byte() % 2 == 0) status();
        frame.remaining_bytes = input.Byte();
        frame.end = input.Byte() % 2 == 0;
        frame.cancel = input.Byte() % 2 == 0;
        frame.skippable = input.Byte() % 2 == 0;
    }
    Add(frame);
  }

  // --- What the machine makes of it.
  void Hear() {
    const std::string batch = std::exchange(batch_, "");
    if (broken_) return;
    // Of its own, so that reading beyond it is noticed.
    Block bytes = AllocateHeapBlock(batch.size());
    std::copy(batch.begin(), batch.end(), bytes.mutable_data());
    machine_.Arrived(std::move(bytes));
    for (std::shared_ptr<Lane> last;;) {
      SessionMachine::Event event;
      const absl::StatusOr<bool> more = machine_.Receive(event, last.get());
      if (!more.ok()) {
        Expect(more.status().code() == absl::StatusCode::kInternal, "the code of an error");
        return Break();
      }
      if (!*more) return;
      if (event.follows) event.lane = last;
      last = event.lane;
      Heard(event);
      Check();
    }
  }
  void Heard(SessionMachine::Event& event) {
    for (const std::shared_ptr<Lane>& lane : event.retried) Over(lane);
    if (event.lane == nullptr) {
      Expect(!event.opened && !event.message && !event.ended && !event.status, "news of nobody");
      return;
    }
    FuzzLane& lane = static_cast<FuzzLane&>(*event.lane);
    if (event.opened) {
      Expect(side_ == kServer && opened_.insert(&lane).second, "opened once");
      // The same frame may give it up.
      const std::size_t calls = machine_.exchanges() + (event.cancelled ? 1 : 0);
      if (event.status) Expect(calls > limits_.max_exchanges, "refused too early");
    }
    Expect(opened_.contains(&lane) && !lane.over, "news of a call that is over");
    if (event.message) {
      Expect(event.message->size_bytes() <= limits_.max_message_bytes, "too long a message");
      lane.held += SessionMachine::CostOf(event.message->size_bytes());
    }
    if (event.cancelled || (side_ == kClient && event.status)) Over(event.lane);
    // As Session's calls do.
    if (!event.refused.ok() && !lane.cancelled) Cancel(event.lane, event.refused);
  }
  void Over(const std::shared_ptr<Lane>& lane) {
    FuzzLane& over = static_cast<FuzzLane&>(*lane);
    Expect(!over.over, "over twice");
    over.over = true;
    over.held = 0;
  }
  void Break() {
    if (std::exchange(broken_, true)) return;
    for (const SessionMachine::Orphan& orphan : machine_.Break()) {
      Over(orphan.lane);
    }
  }

  // --- What its calls do.
  void Act(int what, Input& input) {
    LanePtr lane;
    if (!lanes_.empty()) lane = lanes_[input.Byte() % lanes_.size()];
    switch (what) {
      case 8:
        return Hear();
      case 9:
        return Output();
      case 10:
        return side_ == kClient ? Open(input) : machine_.Drain();
      case 15:
        if (input.Byte() == 255) Break();
        return;
    }
    if (lane == nullptr || !opened_.contains(lane.get())) return;
    switch (what) {
      case 11:
        if (lane->closed || lane->sending) return;
        if (side_ == kServer) machine_.SetHeaders(*lane, {{"header", "value"}});
        lane->closed = side_ == kClient && input.Byte() % 4 == 0;
        lane->sending = !machine_.Send(*lane, Message(input), lane->closed);
        return;
      case 12:
        return Cancel(lane, absl::AbortedError("enough"));
      case 13: {
        const std::size_t cost = std::min<std::size_t>(lane->held, input.Byte() * 256u);
        lane->held -= cost;
        return machine_.Took(*lane, cost, lane->held == 0);
      }
      case 14:
        if (lane->closed || lane->sending) return;
        lane->closed = true;
        if (side_ == kClient) return machine_.End(*lane);
        lane->sending = !machine_.Finish(*lane, Message(input), absl::OkStatus(), {{"t", "1"}});
        return;
    }
  }
  void Open(Input& input) {
    const LanePtr lane = std::make_shared<FuzzLane>();
    const unsigned bits = input.Byte();
    SessionMachine::Opening opening{"a.B/C", 1, {}, std::nullopt};
    if ((bits & 2) == 0) opening.metadata = {{"key", "value"}};
    if ((bits & 1) == 0) opening.request = Message(input);
    lane->closed = opening.request.has_value();
    const bool may = machine_.ready() && machine_.has_room();
    const bool opened = machine_.Open(lane, opening);
    Expect(opened == may, "whether a call is taken");
    if (!opened) return;
    opened_.insert(lane.get());
    lanes_.push_back(lane);
  }
  void Cancel(const std::shared_ptr<Lane>& lane, const absl::Status& status) {
    machine_.Cancel(*lane, status);
    FuzzLane& cancelled = static_cast<FuzzLane&>(*lane);
    cancelled.cancelled = cancelled.closed = true;
    cancelled.sending = false;
  }
  static parley::detail::Payload Message(Input& input) {
    const std::size_t size = std::size_t{input.Byte()} << (input.Byte() % 12);
    Buffer buffer;
    buffer.Append(std::string(size / 2, 'a'));
    buffer.Append(std::string(size - size / 2, 'b'));
    return Payload(std::move(buffer));
  }

  void Output() {
    if (broken_) return;
    machine_.FillOutput();
    const std::string output = machine_.TakeOutput().ToString();
    Expect(output.size() <= SessionMachine::kMostBatchBytes + SessionMachine::kTurnBytes + 200,
           "a batch's size");
    std::string_view rest = output;
    Frame frame;
    Decoded decoded = DecodeFrame(rest, frame);
    for (; decoded == Decoded::kFrame; decoded = DecodeFrame(rest, frame)) {
      Expect(!frame.has_unknown_part, "a part that nobody knows");
      if (frame.exchange == 0) continue;
      Expect(!said_over_.contains(frame.exchange), "said after the end");
      if (frame.cancel || frame.status) said_over_.insert(frame.exchange);
      Expect(side_ == kClient ? !frame.headers && !frame.status
                              : !frame.start && !frame.end && !frame.cancel,
             "a part of the other side's");
    }
    Expect(decoded == Decoded::kNone, "malformed output");
    for (const SessionMachine::Served& served : machine_.TakeServed()) {
      if (served.taken) static_cast<FuzzLane&>(*served.lane).sending = false;
    }
  }

  void Check() {
    const std::size_t half = limits_.pool_bytes / 2;
    const std::size_t most =
        half + std::max(half, SessionMachine::CostOf(limits_.max_message_bytes));
    Expect(machine_.pool_used() <= most, "the pool's bound");
    Expect(machine_.exchanges() <= (side_ == kServer ? 2 * limits_.max_exchanges : 255),
           "too many exchanges");
    std::size_t held = 0;
    for (const LanePtr& lane : lanes_) {
      if (!lane->over) held += lane->held - std::min(lane->held, kFirstWindowBytes);
    }
    Expect(held <= most, "more is held than the pool has");
    Expect(machine_.output_bytes() <=
               SessionMachine::kMostBatchBytes + SessionMachine::kTurnBytes + 200,
           "the output's size");
  }

  const SessionMachine::Side side_;
  const SessionMachine::Limits limits_;
  std::vector<LanePtr> lanes_;
  std::set<const Lane*> opened_;
  std::set<std::uint64_t> said_over_;
  SessionMachine machine_;
  std::string batch_;
  std::size_t frames_ = 0;
  std::uint64_t last_ = 0;
  std::uint64_t rest_ = 0;
  bool broken_ = false;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, std::min<std::size_t>(size, 2000));
  Fuzzed fuzzed(input.Byte());
  while (!input.empty()) fuzzed.Step(input);
  fuzzed.End();
  return 0;
}
