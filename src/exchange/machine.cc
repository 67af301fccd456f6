#include "src/exchange/machine.h"

#include <utility>

namespace parley::detail {
namespace {

constexpr unsigned kAll = (1u << kSlots) - 1;

}  // namespace

Machine::Actions Machine::Open(bool with_request, bool one_response) {
  open_ = true;
  one_response_ = one_response;
  write_in_flight_ = true;
  if (with_request) close_wanted_ = close_started_ = true;
  Actions actions;
  Advance(actions);
  return actions;
}

Machine::Actions Machine::Accept(Requests requests, std::optional<Payload>&& request) {
  open_ = true;
  one_request_ = requests == Requests::kOne;
  read_ended_ = requests == Requests::kNone;
  if (request) PutReceived(*std::move(request));
  Actions actions;
  if (read_ended_) actions.wake = Bit(Slot::kRead);
  Advance(actions);
  return actions;
}

Machine::Actions Machine::Write(Payload&& message) {
  Actions actions;
  if (WriteAtOnce(message, actions)) return actions;
  overfull_ = !HasRoom();
  to_send_.Push(std::move(message));
  Advance(actions);
  return actions;
}

Machine::Actions Machine::CloseSending() {
  close_wanted_ = true;
  Actions actions;
  Advance(actions);
  return actions;
}

Machine::Actions Machine::Finish(absl::Status status, std::optional<Payload>&& message) {
  Actions actions;
  if (final_) {
    if (message) actions.discarded.push_back(*std::move(message));
    return actions;
  }
  if (message && !WriteAtOnce(*message, actions)) to_send_.Push(*std::move(message));
  final_ = std::move(status);
  close_wanted_ = true;
  actions.wake = kAll;
  if (actions.start_write) actions.start_close = close_started_ = true;
  Advance(actions);
  return actions;
}

Payload Machine::Take(Actions& actions) {
  Payload message = Take();
  Advance(actions);
  return message;
}

Machine::Actions Machine::Cancel(absl::Status status) { return End(std::move(status), false); }

Machine::Actions Machine::Expire(absl::Status status) { return End(std::move(status), IsClient()); }

Machine::Actions Machine::Reject(absl::Status status, bool seen) {
  Actions actions = Cancel(status);
  while (HasMessage()) actions.discarded.push_back(Take());
  read_cut_ = true;
  if (IsClient() && final_->ok() && !seen) final_ = std::move(status);
  return actions;
}

Machine::Actions Machine::End(absl::Status status, bool keep_received) {
  Actions actions;
  if (IsClient()) {
    if (final_) return actions;
    actions.cancel_wire = open_;
  } else {
    if (cut_ || close_started_) return actions;
    cut_ = close_wanted_ = true;
    actions.request_stop = true;
  }
  final_ = std::move(status);
  DiscardUnsent(actions);
  while (!keep_received && HasMessage()) {
    actions.discarded.push_back(Take());
    read_cut_ = true;
  }
  actions.wake = kAll;
  Advance(actions);
  return actions;
}

Machine::Actions Machine::Kill() {
  Actions actions;
  actions.cancel_wire = open_ && !close_done_ && !peer_gone_;
  return actions;
}

Machine::Actions Machine::HeadersRead() {
  Actions actions;
  if (!headers_read_) actions.wake = Bit(Slot::kHeaders);
  headers_read_ = true;
  return actions;
}

Machine::Actions Machine::MessageRead(Payload&& message) {
  if (one_response_ && std::exchange(response_read_, true)) {
    Actions actions = Cancel(absl::InternalError("the server sent more than one response"));
    actions.discarded.push_back(std::move(message));
    return actions;
  }
  Actions actions = HeadersRead();
  read_in_flight_ = false;
  if (final_) {
    actions.discarded.push_back(std::move(message));
  } else {
    PutReceived(std::move(message));
    actions.wake |= Bit(Slot::kRead);
  }
  if (one_request_) read_ended_ = true;
  Advance(actions);
  return actions;
}

Machine::Actions Machine::MessagesRead(absl::Span<Payload> messages) {
  if (one_response_ && messages.size() > 1)
    response_read_ = true;  // as good as read, and one too many
  Actions actions = MessageRead(std::move(messages.front()));
  if (one_response_ || final_) return actions;
  for (Payload& message : messages.subspan(1)) received_.Push(std::move(message));
  return actions;
}

Machine::Actions Machine::ReadEnded() {
  Actions actions;
  read_in_flight_ = false;
  if (cut_) return actions;  // a cut is not an end
  read_ended_ = true;
  if (!IsClient()) actions.wake = Bit(Slot::kRead);
  Advance(actions);
  return actions;
}

Machine::Actions Machine::WriteDone(bool ok) {
  Actions actions;
  write_in_flight_ = false;
  if (!ok) {
    send_failed_ = true;
    DiscardUnsent(actions);
    actions.wake = Bit(Slot::kWrite);
  }
  Advance(actions);
  return actions;
}

bool Machine::WriteJustDone() {
  if (!to_send_.empty() || close_wanted_ || writer_waits_) return false;
  write_in_flight_ = false;
  return true;
}

void Machine::CloseDone() { close_done_ = true; }

Machine::Actions Machine::StatusRead(absl::Status status) {
  Actions actions;
  if (final_) return actions;
  final_ = std::move(status);
  DiscardUnsent(actions);
  actions.wake = kAll;
  return actions;
}

Machine::Actions Machine::Completed(std::optional<Payload>&& response, absl::Status status) {
  Actions actions = StatusRead(std::move(status));
  if (!response) return actions;
  const bool wanted = actions.wake != 0 && final_->ok();
  if (wanted) {
    PutReceived(*std::move(response));
  } else {
    actions.discarded.push_back(*std::move(response));
  }
  return actions;
}

Machine::Actions Machine::PeerGone(absl::Status status) {
  Actions actions;
  if (peer_gone_ || close_done_) return actions;
  peer_gone_ = cut_ = true;
  if (!final_ || (final_->ok() && !close_started_)) final_ = std::move(status);
  DiscardUnsent(actions);
  actions.request_stop = !close_started_;
  actions.wake = kAll;
  return actions;
}

bool Machine::Ready(Slot slot) const {
  switch (slot) {
    case Slot::kRead:
      return HasMessage() || final_ || (!IsClient() && read_ended_);
    case Slot::kWrite:
      return HasRoom() || final_ || send_failed_;
    case Slot::kEnd:
      return final_.has_value();
    case Slot::kHeaders:
      return headers_read_ || final_;
  }
  return true;
}

absl::Status Machine::WritableStatus() const {
  // First, so that the caller's mistake has one answer, whatever the peer does meanwhile.
  if (IsClient() && close_wanted_) {
    return absl::FailedPreconditionError("a write after WritesDone or Finish");
  }
  if (absl::Status status = WriteStatus(); !status.ok()) return status;
  if (close_wanted_) return absl::FailedPreconditionError("a write after Finish");
  return absl::OkStatus();
}

absl::Status Machine::WriteStatus() const {
  if ((IsClient() || cut_) && final_ && !final_->ok()) return *final_;
  if ((IsClient() && final_) || send_failed_) {
    return absl::CancelledError("the call has ended; its final status says why");
  }
  return absl::OkStatus();
}

absl::Status Machine::ReadStatus() const {
  if (HasMessage()) return absl::UnknownError("not all messages have been read");
  if (!IsClient() && read_ended_ && !read_cut_) return absl::OkStatus();
  if (!IsClient() && final_ && final_->ok()) return absl::CancelledError("the call was finished");
  if (final_) return *final_;
  return absl::UnknownError("the messages have not ended");
}

bool Machine::IsLive() const {
  const bool ended = IsClient() && final_.has_value();
  return open_ && !ended && !peer_gone_;
}

// As a rule nothing is before a message.
bool Machine::WriteAtOnce(Payload& message, Actions& actions) {
  if (!to_send_.empty() || write_in_flight_ || !MaySend()) return false;
  actions.start_write = write_in_flight_ = true;
  actions.message = std::move(message);
  return true;
}

bool Machine::MaySend() const { return IsLive() && !close_started_ && !send_failed_; }

void Machine::Advance(Actions& actions) {
  if (!IsLive()) return;
  AdvanceSending(actions);
  AdvanceReceiving(actions);
}

void Machine::AdvanceSending(Actions& actions) {
  if (write_in_flight_ || close_started_ || send_failed_) return;
  if (!to_send_.empty()) {
    actions.start_write = true;
    actions.message = to_send_.Pop();
    actions.more_follow = !to_send_.empty();
    write_in_flight_ = true;
  }
  if (to_send_.empty() && close_wanted_) {
    actions.start_close = close_started_ = true;
    write_in_flight_ = true;
  }
  overfull_ = overfull_ && !HasRoom();
  const bool half_free = to_send_.empty() || to_send_.bytes() <= limits_.send_bytes / 2;
  if (writer_waits_ && half_free) {
    writer_waits_ = false;
    actions.wake |= Bit(Slot::kWrite);
  }
}

void Machine::AdvanceReceiving(Actions& actions) {
  const bool room = one_response_ || !HasMessage() || ReceivedBytes() < limits_.receive_bytes;
  if (reads_ == Reads::kWhenTold && !read_in_flight_ && !read_ended_ && !final_ && room) {
    actions.start_read = read_in_flight_ = true;
  }
  if (IsClient() && read_ended_ && !status_started_) actions.start_status = status_started_ = true;
}

void Machine::PutReceived(Payload&& message) {
  if (HasMessage()) return received_.Push(std::move(message));
  first_ = std::move(message);
}

std::size_t Machine::ReceivedBytes() const {
  return received_.bytes() + (first_ ? PayloadQueue::CostOf(*first_) : 0);
}

void Machine::DiscardUnsent(Actions& actions) {
  while (!to_send_.empty()) actions.discarded.push_back(to_send_.Pop());
}

}  // namespace parley::detail
