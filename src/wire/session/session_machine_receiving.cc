// What the frames that arrive mean.
#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/wire/session/message_block.h"
#include "src/wire/session/session_machine.h"
#include "src/wire/status_details.h"

namespace parley::detail {
namespace {

// No peer grants this much.
constexpr std::uint64_t kMostCredit = std::uint64_t{1} << 40;
// What a received message may pin: the bytes that came with it, if they are few.
constexpr std::size_t kMostPinnedBytes = std::size_t{32} << 10;

// What is kept of a method's name for the calls after it. A longer one than gRPC takes is nobody's, and one
// that is cut must not become somebody's: no method has a space in its name.
void KeepMethod(std::string_view name, std::optional<std::string>& kept) {
  constexpr std::size_t kLongestBytes = 8192;
  constexpr std::size_t kShownBytes = 128;
  const bool is_long = name.size() > kLongestBytes;
  kept = is_long ? name.substr(0, kShownBytes) : name;  // in the memory of the one before
  if (is_long) *kept += " ...";
}

absl::Status Broken(const char* what) {
  return absl::InternalError(absl::StrCat("the peer broke the session protocol: ", what));
}

}  // namespace

void SessionMachine::Arrived(Block bytes) {
  arrived_ = std::move(bytes);
  unread_ = arrived_.view();
}

absl::StatusOr<bool> SessionMachine::Receive(Event& event, Lane* last) {
  std::string_view rest = unread_;
  WholeMessage whole;
  if (DecodeWholeMessage(rest, whole) &&
      (whole.start ? ReceiveRequest(whole, event) : ReceiveWhole(whole, last, event))) {
    unread_ = rest;
    return true;
  }
  Frame frame;
  switch (DecodeFrame(unread_, frame)) {
    case Decoded::kNone:
      arrived_ = Block();
      return false;
    case Decoded::kMalformed:
      return Broken("malformed bytes");
    case Decoded::kFrame:
      break;
  }
  absl::Status status;
  if (frame.has_unknown_part) {
    if (!frame.skippable) status = Broken("a part of a frame that is not known");
  } else if (frame.exchange == 0) {
    status = ReceiveOwn(frame, event);
  } else {
    status = ReceiveFor(frame, event);
  }
  if (!status.ok()) return status;
  return true;
}

absl::Status SessionMachine::ReceiveOwn(const Frame& frame, Event& event) {
  if (frame.start || frame.headers || frame.message || frame.end || frame.status || frame.cancel ||
      frame.credit_bytes > 0 || frame.remaining_bytes > 0) {
    return Broken("parts of an exchange without its number");
  }
  if (frame.hello) {
    if (std::exchange(greeted_, true)) return Broken("a second Hello");
    if (!DecodeHello(*frame.hello, event.hello.emplace())) return Broken("malformed bytes");
    if (event.hello->revision == 0) return Broken("a Hello without a revision");
    most_exchanges_ = event.hello->max_exchanges;
  } else if (!greeted_) {
    return Broken("no Hello at the beginning");
  }
  if (!frame.drain) return absl::OkStatus();
  if (!IsClient()) return Broken("Drain from a client");
  draining_ = event.draining = true;
  for (const auto& [id, lane] : lanes_) {
    if (id > frame.drain->last_exchange) event.retried.push_back(lane->self_);
  }
  for (const std::shared_ptr<Lane>& lane : event.retried) Release(*lane);
  SweepQueue();  // another session may have them next, under another lock
  return absl::OkStatus();
}

bool SessionMachine::ReceiveWhole(const WholeMessage& whole, Lane* last, Event& event) {
  if (whole.end || (whole.ends_ok && !IsClient())) return false;
  const bool same = last != nullptr && last->id_ == whole.exchange && last->self_ != nullptr;
  const auto found = same ? lanes_.end() : lanes_.find(whole.exchange);
  if (!same && found == lanes_.end()) return false;
  Lane& lane = same ? *last : *found->second;
  if (!ChargeWhole(lane, whole.message.size())) return false;
  event.message = WholePayload(whole.message, whole.ends_ok);
  if (same && !whole.ends_ok && lane.heard_) {
    event.follows = true;
    return true;
  }
  const bool heard_before = std::exchange(lane.heard_, true);
  if (!whole.ends_ok) {
    if (!heard_before && !lane.has_message_) event.discarded = std::move(lane.message_);
    event.lane = lane.self_;
    return true;
  }
  lane.has_message_ = false;
  event.discarded = std::move(lane.message_);
  event.status.emplace();
  event.lane = Release(lane);
  return true;
}

bool SessionMachine::ReceiveRequest(const WholeMessage& whole, Event& event) {
  const bool takes = !IsClient() && greeted_ && !draining_ && !whole.ends_ok &&
                     whole.exchange > last_id_ && lanes_.size() < limits_.max_exchanges &&
                     (method_ || !whole.start->same_method) &&
                     CostOf(whole.message.size()) <= kFirstWindowBytes &&
                     whole.message.size() <= limits_.max_message_bytes;
  if (!takes) return false;
  Lane& lane = AddLane(whole.exchange, *whole.start);
  ChargeWhole(lane, whole.message.size());
  lane.peer_ended_ = event.ended = whole.end;
  event.opened = true;
  event.metadata.emplace();
  event.message = WholePayload(whole.message, true);
  event.lane = lane.self_;
  return true;
}

bool SessionMachine::ChargeWhole(Lane& lane, std::size_t message_bytes) {
  const std::uint64_t cost = CostOf(message_bytes);
  const bool takes = lane.remaining_ == 0 && !lane.peer_ended_ && !lane.refused_ &&
                     cost <= lane.granted_ && message_bytes <= limits_.max_message_bytes;
  if (!takes) return false;
  lane.granted_ -= cost;
  lane.held_ += cost;
  return true;
}

absl::Status SessionMachine::ReceiveFor(const Frame& frame, Event& event) {
  if (frame.hello || frame.drain) return Broken("a part of the session's in an exchange");
  if (!greeted_) return Broken("no Hello at the beginning");
  const bool clients_part = frame.start || frame.end || frame.cancel;
  const bool servers_part = frame.headers || frame.status;
  if (IsClient() ? clients_part : servers_part) return Broken("a part that only this side sends");
  if (frame.start) {
    if (absl::Status status = ReceiveStart(frame, event); !status.ok()) return status;
  }
  const auto found = lanes_.find(frame.exchange);
  if (found == lanes_.end()) {
    if (frame.exchange > last_id_) return Broken("an exchange that was never opened");
    return absl::OkStatus();  // it is over here, and the peer did not know when it sent this
  }
  Lane& lane = *found->second;
  event.lane = lane.self_;
  if (!std::exchange(lane.heard_, true) && !lane.has_message_) {
    event.discarded = std::move(lane.message_);
  }
  if (frame.headers && !DecodeMetadata(*frame.headers, event.metadata.emplace())) {
    return Broken("malformed metadata");
  }
  if (frame.message) {
    if (absl::Status status = ReceiveMessage(lane, frame, event); !status.ok()) return status;
  } else if (frame.remaining_bytes > 0) {
    return Broken("the rest of a message that is not there");
  }
  if (frame.credit_bytes > 0) {
    if (frame.credit_bytes > kMostCredit - std::min(kMostCredit, lane.credit_)) {
      return Broken("more credit than there can be");
    }
    lane.credit_ += frame.credit_bytes;
    Speak(lane);
  }
  return ReceiveEnd(lane, frame, event);
}

absl::Status SessionMachine::ReceiveStart(const Frame& frame, Event& event) {
  if (frame.exchange <= last_id_) return Broken("an exchange that was opened before");
  if (lanes_.size() >= 2 * limits_.max_exchanges) return Broken("far too many exchanges");
  if (!DecodeMetadata(frame.start->metadata, event.metadata.emplace())) {
    return Broken("malformed metadata");
  }
  if (draining_) {  // its number says that it was not taken
    last_id_ = frame.exchange;
    return absl::OkStatus();
  }
  if (frame.start->same_method && !method_) return Broken("a first method that is as before");
  event.opened = true;
  AddLane(frame.exchange, *frame.start);
  if (lanes_.size() > limits_.max_exchanges) {
    event.status = absl::ResourceExhaustedError(absl::StrCat("the session has ", lanes_.size() - 1,
                                                             " calls and takes no more than ",
                                                             limits_.max_exchanges));
  }
  return absl::OkStatus();
}

Lane& SessionMachine::AddLane(std::uint64_t exchange, const StartPart& start) {
  if (!start.same_method) KeepMethod(start.method, method_);
  std::shared_ptr<Lane> lane = new_lane_(*method_, start.timeout_us);
  Lane& added = *lane;
  added.id_ = last_id_ = exchange;
  added.heard_ = true;
  added.self_ = std::move(lane);
  lanes_.emplace(exchange, &added);
  return added;
}

absl::Status SessionMachine::ReceiveMessage(Lane& lane, const Frame& frame, Event& event) {
  const std::string_view bytes = *frame.message;
  if (lane.peer_ended_) return Broken("a message after the end");
  const bool first = lane.remaining_ == 0;
  const std::uint64_t cost = bytes.size() + (first ? kMessageCostBytes : 0);
  if (cost > lane.granted_) return Broken("more than was granted");
  lane.granted_ -= cost;
  lane.held_ += cost;
  const std::uint64_t size = bytes.size() + frame.remaining_bytes;
  if (!first && size != lane.remaining_) return Broken("a message that changes its size");
  if (size < bytes.size()) return Broken("a message that has no size");
  lane.remaining_ = frame.remaining_bytes;
  if (first && size > limits_.max_message_bytes && !std::exchange(lane.refused_, true)) {
    event.refused = absl::ResourceExhaustedError(
        absl::StrCat("a message of ", size, " bytes is over the limit of ",
                     limits_.max_message_bytes, " bytes (max_message_bytes)"));
  }
  if (lane.refused_) return absl::OkStatus();
  if (first && lane.remaining_ == 0) {
    event.message = WholePayload(bytes, frame.start || frame.status);
    return absl::OkStatus();
  }
  if (lane.partial_ == nullptr) lane.partial_ = std::make_unique<Buffer>();
  if (!bytes.empty()) lane.partial_->AppendPiece(Keep(bytes, false));
  if (lane.remaining_ == 0) {
    event.message = Payload(std::move(*std::exchange(lane.partial_, nullptr)));
  } else if (lane.remaining_ > lane.granted_ && !std::exchange(lane.waits_for_pool_, true)) {
    waiting_for_pool_.push_back(lane.self_);
    GrantWaiting();
  }
  return absl::OkStatus();
}

Payload SessionMachine::WholePayload(std::string_view bytes, bool briefly) const {
  return Payload(bytes.empty() ? Buffer() : Buffer(Keep(bytes, briefly)));
}

Block SessionMachine::Keep(std::string_view bytes, bool briefly) const {
  if (bytes.size() >= arrived_.size() / 4 || (briefly && arrived_.size() <= kMostPinnedBytes)) {
    return arrived_.Part(bytes.data(), bytes.size());
  }
  // A short one shares its memory with others, which is as good as its own if all are taken soon.
  Block copy = briefly ? AllocateCopyBlock(bytes.size()) : AllocateHeapBlock(bytes.size());
  std::memcpy(copy.mutable_data(), bytes.data(), bytes.size());
  return copy;
}

absl::Status SessionMachine::ReceiveEnd(Lane& lane, const Frame& frame, Event& event) {
  if (frame.end) {
    if (lane.remaining_ > 0 || std::exchange(lane.peer_ended_, true)) {
      return Broken("an end where none can be");
    }
    event.ended = !lane.refused_;
  }
  if (frame.cancel) {
    event.cancelled = true;
    lane.has_message_ = lane.status_pending_ = false;
    event.discarded = std::move(lane.message_);
    Release(lane);
  }
  if (frame.status) {
    const StatusPart& status = *frame.status;
    if (status.code == 0 && lane.remaining_ > 0) return Broken("an end amid a message");
    event.status = MakeStatus(status.code, status.message, status.details);
    if (!DecodeMetadata(status.metadata, event.trailing)) return Broken("malformed metadata");
    lane.has_message_ = false;
    event.discarded = std::move(lane.message_);
    Release(lane);
  }
  return absl::OkStatus();
}

}  // namespace parley::detail
