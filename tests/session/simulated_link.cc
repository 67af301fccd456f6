#include "tests/session/simulated_link.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace parley::detail {
namespace {

constexpr std::size_t kMostBatch = SessionMachine::kMostBatchBytes;
constexpr std::size_t kTurn = SessionMachine::kTurnBytes;
constexpr std::size_t kCost = SessionMachine::kMessageCostBytes;
// What a frame takes beside its message.
constexpr std::size_t kMostFrameBytes = kMostMetadataBytes + 200;

std::size_t Index(SessionMachine::Side side) {
  return side == SessionMachine::Side::kClient ? 0 : 1;
}

}  // namespace

std::string WireLedger::Sent(Side side, std::string_view batch) {
  if (batch.size() > kMostBatch + kTurn + kMostFrameBytes) {
    return absl::StrCat("a batch of ", batch.size(), " bytes");
  }
  Frame frame;
  Decoded decoded = DecodeFrame(batch, frame);
  for (; decoded == Decoded::kFrame; decoded = DecodeFrame(batch, frame)) {
    if (std::string wrong = SentOne(side, frame); !wrong.empty()) {
      return absl::StrCat("exchange ", frame.exchange, ": ", wrong);
    }
  }
  if (decoded == Decoded::kMalformed) return "malformed bytes";
  const std::uint64_t half = limits_.pool_bytes / 2;
  const std::uint64_t most =
      half + std::max<std::uint64_t>(half, limits_.max_message_bytes + kCost);
  if (Excess(side) > most) {
    return absl::StrCat("granted ", Excess(side), " bytes beyond the windows, over ", most);
  }
  return "";
}

std::string WireLedger::SentOne(Side side, const Frame& frame) {
  if (frame.exchange == 0) return "";
  if (frame.start) {
    if (frame.exchange <= last_) return "opened after a later one";
    last_ = frame.exchange;
    exchanges_.emplace(frame.exchange, Exchange());
    ids_[SimulatedCall(frame.start->timeout_us)] = frame.exchange;
  }
  const auto found = exchanges_.find(frame.exchange);
  if (found == exchanges_.end()) return "never opened";
  Direction& mine = found->second[Index(side)];
  Direction& others = found->second[1 - Index(side)];
  if (mine.over) return "something is said of it after its end";
  if (frame.message) {
    if (std::string wrong = SentMessage(mine, frame); !wrong.empty()) return wrong;
  }
  others.granted += frame.credit_bytes;
  if (frame.end) mine.ended = true;
  mine.over = frame.cancel || frame.status;
  if (frame.status && frame.status->code == 0 && mine.remaining > 0) return "OK amid a message";
  return "";
}

std::string WireLedger::SentMessage(Direction& direction, const Frame& frame) {
  const std::size_t size = frame.message->size();
  if (size > kTurn) return absl::StrCat("a piece of ", size, " bytes");
  if (direction.ended) return "a message after the last";
  const bool first = direction.remaining == 0;
  if (!first && size + frame.remaining_bytes != direction.remaining) return "a message's size";
  if (size == 0 && frame.remaining_bytes > 0) return "a piece of nothing";
  direction.remaining = frame.remaining_bytes;
  direction.sent += size + (first ? kCost : 0);
  if (direction.sent > direction.granted) {
    return absl::StrCat("sent ", direction.sent, " bytes of ", direction.granted, " granted");
  }
  return "";
}

std::uint64_t WireLedger::Excess(Side side) const {
  std::uint64_t excess = 0;
  for (const auto& [id, exchange] : exchanges_) {
    if (exchange[0].over || exchange[1].over) continue;
    const Direction& others = exchange[1 - Index(side)];
    const std::uint64_t open = others.granted - std::min(others.granted, others.taken);
    excess += open - std::min<std::uint64_t>(open, kFirstWindowBytes);
  }
  return excess;
}

void WireLedger::Took(Side side, int call, std::size_t cost_bytes) {
  const auto id = ids_.find(call);
  if (id != ids_.end()) exchanges_[id->second][1 - Index(side)].taken += cost_bytes;
}

std::string SimulatedLink::Write(Side side) {
  End& from = end(side);
  from.machine.FillOutput();
  const Buffer batch = from.machine.TakeOutput();
  from.writing = true;
  Block bytes = AllocateHeapBlock(batch.size_bytes());
  char* at = bytes.mutable_data();
  for (const Block& piece : batch.pieces()) {
    std::memcpy(at, piece.data(), piece.size());
    at += piece.size();
  }
  std::string wrong = ledger.Sent(side, bytes.view());
  if (!cut) other(side).inbox.push_back(std::move(bytes));
  return wrong;
}

}  // namespace parley::detail
