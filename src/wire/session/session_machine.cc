#include "src/wire/session/session_machine.h"

#include <algorithm>
#include <string>
#include <utility>

#include "src/wire/status_details.h"

namespace parley::detail {
namespace {

// More of a message that is in several pieces would be copied for nothing.
constexpr std::size_t kMostJoinedBytes = 4096;

// In one run, if it is short.
void Join(Payload& message) {
  if (message.bytes().pieces().size() < 2 || message.size_bytes() > kMostJoinedBytes) return;
  Buffer joined;
  joined.Append(message.bytes().ToString());
  message = Payload(std::move(joined));
}

}  // namespace

SessionMachine::SessionMachine(Side side, Limits limits, AllocateBlock allocate, NewLane new_lane)
    : side_(side), limits_(limits), new_lane_(std::move(new_lane)), batch_(allocate) {}

// --- What calls do.

bool SessionMachine::Open(std::shared_ptr<Lane> lane, Opening& opening) {
  if (!ready() || !has_room()) return false;
  Lane& opened = *lane;
  opened.Reset();
  opened.self_ = std::move(lane);
  opened.method_ = opening.method;
  opened.timeout_us_ = opening.timeout_us;
  opened.metadata_ = std::move(opening.metadata);
  opened.start_pending_ = true;
  opened.one_request_ = opened.end_pending_ = opening.request.has_value();
  opened.id_ = ++last_id_;
  lanes_.emplace(opened.id_, &opened);
  if (opening.request) {
    opened.message_ = *std::move(opening.request);
    if (SayAtOnce(opened, opened.message_, false)) return true;
    Join(opened.message_);
    opened.has_message_ = true;
  }
  sender_ = &opened;
  Speak(opened);
  sender_ = nullptr;
  return true;
}

bool SessionMachine::Send(Lane& lane, Payload&& message, bool end) {
  if (lane.self_ == nullptr) return true;  // cancelled since, or the session is over
  lane.end_pending_ = end;
  if (SayAtOnce(lane, message, false)) return true;
  lane.message_ = std::move(message);
  Join(lane.message_);
  lane.has_message_ = true;
  lane.message_begun_ = false;
  lane.sent_bytes_ = 0;
  sender_ = &lane;
  Speak(lane);
  sender_ = nullptr;
  if (lane.has_message_) return false;
  message = std::move(lane.message_);
  return true;
}

void SessionMachine::End(Lane& lane) {
  if (lane.self_ == nullptr) return;
  lane.end_pending_ = true;
  Speak(lane);
}

void SessionMachine::SetHeaders(Lane& lane, Metadata headers) {
  if (headers.empty()) return;
  lane.metadata_ = std::move(headers);
  lane.headers_pending_ = true;
}

bool SessionMachine::Finish(Lane& lane, std::optional<Payload>&& message, absl::Status status,
                            Metadata trailing) {
  if (lane.self_ == nullptr) return true;
  if (message && status.ok() && trailing.empty() && SayAtOnce(lane, *message, true)) {
    Release(lane);
    return true;
  }
  lane.status_ = std::move(status);
  lane.trailing_ = std::move(trailing);
  lane.status_pending_ = true;
  if (message) {
    lane.message_ = *std::move(message);
    Join(lane.message_);
    lane.has_message_ = true;
    lane.message_begun_ = false;
    lane.sent_bytes_ = 0;
  }
  sender_ = &lane;
  Speak(lane);
  sender_ = nullptr;
  return !lane.status_pending_;
}

Payload SessionMachine::Cancel(Lane& lane, absl::Status status) {
  if (lane.self_ == nullptr) return {};
  const bool cut = std::exchange(lane.has_message_, false);
  lane.end_pending_ = false;
  Payload unsent = std::move(lane.message_);
  if (IsClient() && lane.start_pending_) {
    lane.start_pending_ = false;
    Release(lane);
    return unsent;
  }
  if (IsClient()) {
    lane.cancel_pending_ = true;
  } else {
    // OK is said only of a call whose messages were all sent.
    lane.status_ = cut && status.ok() ? absl::CancelledError("the last message was not sent")
                                      : std::move(status);
    lane.status_pending_ = true;
  }
  sender_ = &lane;
  Speak(lane);
  sender_ = nullptr;
  return unsent;
}

void SessionMachine::Took(Lane& lane, std::size_t cost_bytes, bool empty) {
  lane.held_ -= std::min<std::uint64_t>(lane.held_, cost_bytes);
  if (lane.self_ == nullptr) return;
  if (lane.extra_ > 0 && lane.held_ + lane.granted_ <= lane.window_) {
    messages_bytes_ -= std::exchange(lane.extra_, 0);
    GrantWaiting();
  }
  if (lane.peer_ended_) return;
  // A reader that has taken everything while little was granted could have had more.
  const std::uint64_t grown = std::min<std::uint64_t>(2 * lane.window_, limits_.max_window_bytes);
  if (empty && grown > lane.window_ && lane.granted_ < lane.window_ / 2 &&
      windows_bytes_ + (grown - lane.window_) <= limits_.pool_bytes / 2) {
    windows_bytes_ += grown - lane.window_;
    lane.window_ = grown;
  }
  // At the latest when half of the window is free, with what the application has not told yet.
  const std::uint64_t outstanding = lane.held_ + lane.granted_;
  if (outstanding <= lane.window_ / 2 + WorthTelling(true)) {
    Grant(lane, lane.window_ - outstanding);
  }
}

// --- What is said.

void SessionMachine::Greet(std::vector<std::string> methods) {
  const std::string hello = EncodeHello(
      {kRevision, limits_.max_message_bytes, limits_.max_exchanges, std::move(methods)});
  Frame frame;
  frame.hello = hello;
  batch_.Add(frame);
}

void SessionMachine::Drain() {
  if (std::exchange(draining_, true)) return;
  Frame frame;
  frame.drain = DrainPart{last_id_};
  batch_.Add(frame);
}

void SessionMachine::FillOutput() {
  while (!queued_.empty() && batch_.bytes() < kMostBatchBytes) {
    std::shared_ptr<Lane> lane = queued_.Pop();
    lane->queued_ = false;
    lane->turn_bytes_ = 0;
    if (lane->self_ == nullptr) {
      --queued_in_vain_;
    } else {
      TakeTurn(*lane);
    }
    if (lane->self_ == nullptr) {
      served_.push_back({std::move(lane), false, {}});
    } else if (HasToSay(*lane)) {
      Queue(*lane);
    }
  }
}

Buffer SessionMachine::TakeOutput() {
  ++turn_;
  return batch_.Take();
}

void SessionMachine::BeginTurn(Lane& lane) {
  if (lane.turn_ == turn_) return;
  lane.turn_ = turn_;
  lane.turn_bytes_ = 0;
}

bool SessionMachine::SayAtOnce(Lane& lane, const Payload& message, bool ends_ok) {
  const absl::Span<const Block> pieces = message.bytes().pieces();
  if (pieces.size() != 1 || pieces[0].size() > Batch::kMostCopiedBytes) return false;
  const bool says_more = (lane.start_pending_ && !lane.metadata_.empty()) ||
                         lane.headers_pending_ || lane.cancel_pending_ || lane.to_grant_ > 0;
  const std::uint64_t cost = CostOf(pieces[0].size());
  if (says_more || lane.queued_ || !queued_.empty() || lane.credit_ < cost) return false;
  BeginTurn(lane);
  if (lane.turn_bytes_ >= kTurnBytes || batch_.bytes() >= kMostBatchBytes) return false;
  lane.credit_ -= cost;
  WholeMessage whole;
  whole.exchange = lane.id_;
  whole.message = pieces[0].view();
  whole.ends_ok = ends_ok;
  if (lane.start_pending_) whole.start = TakeStart(lane);
  whole.end = std::exchange(lane.end_pending_, false);
  const std::size_t before = batch_.bytes();
  batch_.Add(whole);
  lane.turn_bytes_ += batch_.bytes() - before;
  return true;
}

void SessionMachine::Speak(Lane& lane) {
  if (lane.queued_) return;
  BeginTurn(lane);
  // Those that wait for their turn are before it.
  if (queued_.empty()) TakeTurn(lane);
  if (lane.self_ != nullptr && HasToSay(lane)) Queue(lane);
}

void SessionMachine::TakeTurn(Lane& lane) {
  while (lane.self_ != nullptr && lane.turn_bytes_ < kTurnBytes &&
         batch_.bytes() < kMostBatchBytes && HasToSay(lane)) {
    SayFrame(lane);
  }
}

void SessionMachine::Queue(Lane& lane) {
  lane.queued_ = true;
  queued_.Push(std::shared_ptr<Lane>(lane.self_));
}

bool SessionMachine::HasToSay(const Lane& lane) const {
  if (lane.start_pending_ || lane.cancel_pending_ || lane.headers_pending_ || lane.to_grant_ > 0) {
    return true;
  }
  if (lane.has_message_) return NextPiece(lane).allowed;
  return lane.end_pending_ || lane.status_pending_;
}

SessionMachine::Piece SessionMachine::NextPiece(const Lane& lane) const {
  Piece piece;
  if (!lane.has_message_) return piece;
  std::uint64_t room = lane.credit_;
  if (!lane.message_begun_) {
    if (room < kMessageCostBytes) return piece;
    room -= kMessageCostBytes;
  }
  const std::size_t size = lane.message_.size_bytes();
  piece.allowed = room > 0 || size == 0;
  if (!piece.allowed || size == 0) return piece;
  std::size_t offset = lane.sent_bytes_;
  const Block* block = lane.message_.bytes().pieces().data();
  while (offset >= block->size()) offset -= (block++)->size();
  piece.block = block;
  piece.bytes = block->view().substr(offset, std::min<std::uint64_t>(room, kTurnBytes));
  return piece;
}

StartPart SessionMachine::TakeStart(Lane& lane) {
  lane.start_pending_ = false;
  lane.started_in_ = turn_;
  StartPart start;
  start.timeout_us = lane.timeout_us_;
  start.same_method = lane.method_ == method_;
  if (!start.same_method) method_ = start.method = lane.method_;
  return start;
}

void SessionMachine::SayFrame(Lane& lane) {
  Frame frame;
  frame.exchange = lane.id_;
  std::string metadata;
  if (lane.start_pending_) {
    metadata = EncodeMetadata(lane.metadata_);
    frame.start = TakeStart(lane);
    frame.start->metadata = metadata;
  } else if (std::exchange(lane.headers_pending_, false)) {
    metadata = EncodeMetadata(lane.metadata_);
    frame.headers = metadata;
  }
  frame.credit_bytes = std::exchange(lane.to_grant_, 0);
  frame.cancel = lane.cancel_pending_;
  const Piece piece = NextPiece(lane);
  if (piece.allowed) {
    frame.message = piece.bytes;
    lane.credit_ -= piece.bytes.size() + (lane.message_begun_ ? 0 : kMessageCostBytes);
    lane.message_begun_ = true;
    lane.sent_bytes_ += piece.bytes.size();
    frame.remaining_bytes = lane.message_.size_bytes() - lane.sent_bytes_;
    if (frame.remaining_bytes == 0) lane.has_message_ = false;
  }
  std::string trailing;
  std::string details;
  if (!lane.has_message_) {
    frame.end = std::exchange(lane.end_pending_, false);
    if (lane.status_pending_) {
      trailing = EncodeMetadata(lane.trailing_);
      details = DetailsOf(lane.status_);
      frame.status = StatusPart{static_cast<std::uint32_t>(lane.status_.raw_code()),
                                {lane.status_.message().data(), lane.status_.message().size()},
                                details,
                                trailing};
    }
  }
  const std::size_t before = batch_.bytes();
  batch_.Add(frame, piece.block);
  lane.turn_bytes_ += batch_.bytes() - before;
  if (piece.allowed && !lane.has_message_) MessageSaid(lane);
  if (!frame.status && !frame.cancel) return;
  lane.status_pending_ = lane.cancel_pending_ = false;
  std::shared_ptr<Lane> released = Release(lane);
  // Whoever calls Finish or Cancel has the lane, and its message back.
  if (&lane != sender_)
    served_.push_back({std::move(released), !IsClient(), std::move(lane.message_)});
}

void SessionMachine::MessageSaid(Lane& lane) {
  if (&lane == sender_ || lane.status_pending_) return;  // Send says so, or Release
  // A request is kept for the case that this server does not run it.
  const bool keeps = lane.one_request_ && !lane.heard_;
  served_.push_back({lane.self_, true, keeps ? Payload() : std::move(lane.message_)});
}

std::shared_ptr<Lane> SessionMachine::Release(Lane& lane) {
  lanes_.erase(lane.id_);
  windows_bytes_ -= lane.window_ - kFirstWindowBytes;
  lane.window_ = kFirstWindowBytes;
  messages_bytes_ -= std::exchange(lane.extra_, 0);
  std::shared_ptr<Lane> released = std::move(lane.self_);
  if (std::exchange(lane.waits_for_pool_, false)) std::erase(waiting_for_pool_, released);
  // While nothing can be sent, whoever opens calls and gives them up must not fill the memory.
  if (lane.queued_ && ++queued_in_vain_ > 16 + queued_.size() / 2) SweepQueue();
  GrantWaiting();
  return released;
}

void SessionMachine::SweepQueue() {
  queued_in_vain_ = 0;
  for (std::size_t left = queued_.size(); left > 0; --left) {
    std::shared_ptr<Lane> lane = queued_.Pop();
    if (lane->self_ != nullptr) {
      queued_.Push(std::move(lane));
    } else {
      lane->queued_ = false;
      served_.push_back({std::move(lane), false, {}});
    }
  }
}

// --- What is granted.

void SessionMachine::Grant(Lane& lane, std::uint64_t bytes) {
  lane.granted_ += bytes;
  lane.to_grant_ += bytes;
  Speak(lane);
}

void SessionMachine::GrantWaiting() {
  while (!waiting_for_pool_.empty()) {
    Lane& lane = *waiting_for_pool_.front();
    const bool waits = lane.remaining_ > lane.granted_;
    const std::uint64_t extra = waits ? lane.remaining_ - lane.granted_ : 0;
    if (messages_bytes_ > 0 && messages_bytes_ + extra > limits_.pool_bytes / 2) return;
    served_.push_back({std::move(waiting_for_pool_.front()), false, {}});
    waiting_for_pool_.pop_front();
    lane.waits_for_pool_ = false;
    if (!waits) continue;
    messages_bytes_ += extra;
    lane.extra_ += extra;
    Grant(lane, extra);
  }
}

// --- The end.

std::vector<SessionMachine::Orphan> SessionMachine::Break() {
  broken_ = true;
  std::vector<Orphan> orphans;
  orphans.reserve(lanes_.size());
  for (const auto& [id, lane] : lanes_) {
    const bool unsaid = lane->start_pending_ || lane->started_in_ == turn_;
    orphans.push_back({lane->self_, !unsaid});
  }
  for (const Orphan& orphan : orphans) Release(*orphan.lane);
  SweepQueue();  // they keep the session that would keep them
  return orphans;
}

SessionMachine::Opening SessionMachine::TakeOpening(Lane& lane) {
  Opening opening{lane.method_, lane.timeout_us_, std::move(lane.metadata_), std::nullopt};
  if (lane.one_request_) opening.request = std::move(lane.message_);
  return opening;
}

}  // namespace parley::detail
