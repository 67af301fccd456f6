#include "tests/exchange/machine_model.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace parley::detail {
namespace {

constexpr char kFirstOutgoing = 'a';
constexpr char kFirstIncoming = 'A';

char IdOf(const Payload& message) { return message.bytes().ToString()[0]; }

}  // namespace

std::size_t MachineModel::Bytes(const std::deque<Message>& messages) {
  std::size_t bytes = 0;
  for (const Message& message : messages) bytes += message.bytes;
  return bytes;
}

bool MachineModel::Ready(Slot slot) const {
  switch (slot) {
    case Slot::kRead:
      return !received_.empty() || final_ || (!IsClient() && read_ended_);
    case Slot::kWrite:
      return WriteRoom() || final_ || send_failed_;
    case Slot::kEnd:
      return final_.has_value();
    case Slot::kHeaders:
      return headers_ || final_;
  }
  return false;
}

bool MachineModel::Due(Slot slot) const {
  if (slot != Slot::kWrite) return Ready(slot);
  return final_ || send_failed_ || unsent_.empty() ||
         Bytes(unsent_) <= rules_.limits.send_bytes / 2;
}

bool MachineModel::Enabled(Event event) const {
  const bool client = IsClient();
  const bool steps = open_ && !rules_.one_step;
  const auto may_wait = [&](Slot slot) {
    return !waiting_[static_cast<std::size_t>(slot)] && !machine_.Ready(slot);
  };
  switch (event) {
    case Event::kOpen:
      return !open_;
    case Event::kWriteSmall:
    case Event::kWriteLarge:
      // Whoever waits for room does not write meanwhile; Call sees to it.
      return open_ && written_ < rules_.messages_each_way &&
             !waiting_[static_cast<std::size_t>(Slot::kWrite)] && machine_.WritableStatus().ok();
    case Event::kCloseSending:
      return client && open_ && !(close_asked_ && final_);
    case Event::kFinishOk:
    case Event::kFinishWithMessage:
    case Event::kFinishError:
      return !client && finishes_ < 2;
    case Event::kTake:
      return machine_.HasMessage();
    case Event::kReject:
      return taken_ && !rejected_;
    case Event::kCancel:
    case Event::kExpire:
      return cancels_ < rules_.cancels;
    case Event::kKill:
      return !client && cancels_ > 0;
    case Event::kWaitRead:
      return may_wait(Slot::kRead);
    case Event::kWaitWrite:
      return open_ && may_wait(Slot::kWrite);
    case Event::kWaitEnd:
      return client && may_wait(Slot::kEnd);
    case Event::kWaitHeaders:
      return client && may_wait(Slot::kHeaders);
    case Event::kStopWaitingRead:
      return waiting_[static_cast<std::size_t>(Slot::kRead)];
    case Event::kStopWaitingWrite:
      return waiting_[static_cast<std::size_t>(Slot::kWrite)];
    case Event::kHeadersRead:
      return client && steps && reading_ && !headers_;
    case Event::kMessageSmall:
    case Event::kMessageLarge:
      return steps && reading_ && arrived_ < rules_.messages_each_way;
    case Event::kReadEnded:
      return steps && reading_;
    case Event::kWriteDone:
    case Event::kWriteFailed:
      return steps && (writing_ == Writing::kMessage || (client && writing_ == Writing::kClose));
    case Event::kCloseDone:
      return !client && writing_ == Writing::kClose;
    case Event::kStatusOk:
    case Event::kStatusError:
      return client && steps && fetching_ && !fetched_;
    case Event::kPeerGone:
      return !peer_gone_ && (!client || (steps && !fetching_));
    case Event::kCompletedOk:
    case Event::kCompletedEmpty:
    case Event::kCompletedError:
      return rules_.one_step && fetching_ && !fetched_;
  }
  return false;
}

void MachineModel::Apply(Event event) {
  if (violation_.empty()) trace_.push_back(event);
  expect_cancel_wire_ = expect_stop_ = false;
  expect_discarded_.clear();
  Actions actions = event < Event::kHeadersRead ? User(event) : Wire(event);
  Check(actions.cancel_wire == expect_cancel_wire_, "cancel_wire");
  Check(actions.request_stop == expect_stop_, "request_stop");
  CheckStarted(actions);
  CheckDiscarded(actions);
  CheckUnderWay();
  CheckWoken(actions.wake);
  CheckStatuses();
}

void MachineModel::End(Ending ending) {
  if (ending == Ending::kCancelled) Apply(Event::kCancel);
  if (!open_) Apply(Event::kOpen);
  if (ending == Ending::kPeerGone && Enabled(Event::kPeerGone)) Apply(Event::kPeerGone);
  if (ending == Ending::kInOrder && !IsClient() && !final_) Apply(Event::kFinishOk);
  const bool good = ending == Ending::kInOrder;
  const Event steps[] = {Event::kCompletedOk, good ? Event::kWriteDone : Event::kWriteFailed,
                         Event::kCloseDone,   Event::kStatusOk,
                         Event::kTake,        Event::kReadEnded};
  for (int i = 0; i < 100; ++i) {
    const auto next =
        std::find_if(std::begin(steps), std::end(steps), [&](Event e) { return Enabled(e); });
    if (next == std::end(steps)) break;
    Apply(*next);
  }
  // A wire that can't send learns that nobody is there.
  if (!IsClient() && send_failed_ && !peer_gone_) Apply(Event::kPeerGone);
  CheckEnded();
}

MachineModel::Actions MachineModel::User(Event event) {
  switch (event) {
    case Event::kOpen:
      return OpenOrAccept();
    case Event::kWriteSmall:
      return Write(kSmallBytes);
    case Event::kWriteLarge:
      return Write(kLargeBytes);
    case Event::kCloseSending:
      close_asked_ = true;
      return machine_.CloseSending();
    case Event::kFinishOk:
      return Finish(absl::OkStatus(), false);
    case Event::kFinishWithMessage:
      return Finish(absl::OkStatus(), true);
    case Event::kFinishError:
      return Finish(absl::NotFoundError("the handler's"), false);
    case Event::kTake:
      return Take();
    case Event::kReject:
      return Reject();
    case Event::kCancel:
      return Cancel(false);
    case Event::kExpire:
      return Cancel(true);
    case Event::kKill:
      expect_cancel_wire_ = open_ && !close_done_ && !peer_gone_;
      return machine_.Kill();
    case Event::kWaitRead:
      return Wait(Slot::kRead), Actions();
    case Event::kWaitWrite:
      return Wait(Slot::kWrite), Actions();
    case Event::kWaitEnd:
      return Wait(Slot::kEnd), Actions();
    case Event::kWaitHeaders:
      return Wait(Slot::kHeaders), Actions();
    case Event::kStopWaitingRead:
      waiting_[static_cast<std::size_t>(Slot::kRead)] = false;
      return {};
    default:
      waiting_[static_cast<std::size_t>(Slot::kWrite)] = false;
      return {};
  }
}

MachineModel::Actions MachineModel::Wire(Event event) {
  switch (event) {
    case Event::kHeadersRead:
      headers_ = true;
      return machine_.HeadersRead();
    case Event::kMessageSmall:
      return MessageRead(kSmallBytes);
    case Event::kMessageLarge:
      return MessageRead(kLargeBytes);
    case Event::kReadEnded:
      return ReadEnded();
    case Event::kWriteDone:
      return WriteDone(true);
    case Event::kWriteFailed:
      return WriteDone(false);
    case Event::kCloseDone:
      writing_ = Writing::kNothing;
      close_done_ = true;
      machine_.CloseDone();
      return {};
    case Event::kStatusOk:
      return StatusRead(absl::OkStatus());
    case Event::kStatusError:
      return StatusRead(absl::AbortedError("the server's"));
    case Event::kPeerGone:
      return PeerGone();
    case Event::kCompletedOk:
      return Completed(true, absl::OkStatus());
    case Event::kCompletedEmpty:
      return Completed(false, absl::OkStatus());
    default:
      return Completed(true, absl::AbortedError("the server's"));
  }
}

MachineModel::Actions MachineModel::OpenOrAccept() {
  open_ = true;
  if (!IsClient()) {
    read_ended_ = rules_.request_came;
    return machine_.Accept(rules_.request_came  ? Machine::Requests::kNone
                           : rules_.one_request ? Machine::Requests::kOne
                                                : Machine::Requests::kMany);
  }
  close_asked_ = close_started_ = rules_.one_request;
  if (!final_) {  // else Call opens nothing on the wire
    writing_ = rules_.one_request ? Writing::kClose : Writing::kMessage;
    fetching_ = rules_.one_step;
  }
  return machine_.Open(rules_.one_request);
}

MachineModel::Actions MachineModel::Write(std::size_t bytes) {
  Message message;
  Payload payload = NewMessage(bytes, kFirstOutgoing, written_, message);
  unsent_.push_back(message);
  return machine_.Write(std::move(payload));
}

MachineModel::Actions MachineModel::Finish(absl::Status status, bool with_message) {
  ++finishes_;
  std::optional<Payload> payload;
  if (with_message) {
    Message message;
    payload = NewMessage(kSmallBytes, kFirstOutgoing, written_, message);
    if (final_) {
      expect_discarded_.push_back(message.id);
    } else {
      unsent_.push_back(message);
    }
  }
  if (!final_) {
    final_ = status;
    close_asked_ = true;
  }
  return machine_.Finish(std::move(status), std::move(payload));
}

MachineModel::Actions MachineModel::Take() {
  Actions actions;
  const Payload message = machine_.Take(actions);
  Check(!received_.empty() && IdOf(message) == received_.front().id, "messages are taken in order");
  if (!received_.empty()) received_.pop_front();
  taken_ = true;
  return actions;
}

MachineModel::Actions MachineModel::Reject() {
  rejected_ = lost_ = true;
  const absl::Status status = absl::InternalError("rejected");
  const bool effective = IsClient() ? !final_ : !cut_ && !close_started_;
  if (effective) {
    expect_cancel_wire_ = IsClient() && open_;
    expect_stop_ = !IsClient();
    if (!IsClient()) cut_ = close_asked_ = true;
    Discard(unsent_);
  }
  if (effective || (IsClient() && final_->ok())) final_ = status;
  Discard(received_);
  return machine_.Reject(status, false);
}

MachineModel::Actions MachineModel::Cancel(bool at_deadline) {
  ++cancels_;
  const absl::Status status = absl::CancelledError(absl::StrCat("cancel ", cancels_));
  const bool effective = IsClient() ? !final_ : !cut_ && !close_started_;
  if (effective) {
    expect_cancel_wire_ = IsClient() && open_;
    expect_stop_ = !IsClient();
    final_ = status;
    if (!IsClient()) cut_ = close_asked_ = true;
    Discard(unsent_);
    // At its deadline a client still gets the messages that have come.
    if (!IsClient() || !at_deadline) {
      lost_ = lost_ || !received_.empty();
      Discard(received_);
    }
  }
  return at_deadline ? machine_.Expire(status) : machine_.Cancel(status);
}

MachineModel::Actions MachineModel::MessageRead(std::size_t bytes) {
  Message message;
  Payload payload = NewMessage(bytes, kFirstIncoming, arrived_, message);
  reading_ = false;
  headers_ = true;
  if (final_) {
    lost_ = true;
    expect_discarded_.push_back(message.id);
  } else {
    received_.push_back(message);
  }
  if (!IsClient() && rules_.one_request) read_ended_ = true;
  return machine_.MessageRead(std::move(payload));
}

MachineModel::Actions MachineModel::ReadEnded() {
  reading_ = false;
  if (!cut_) read_ended_ = true;
  return machine_.ReadEnded();
}

MachineModel::Actions MachineModel::WriteDone(bool ok) {
  writing_ = Writing::kNothing;
  if (!ok) {
    send_failed_ = true;
    Discard(unsent_);
  }
  return machine_.WriteDone(ok);
}

MachineModel::Actions MachineModel::StatusRead(absl::Status status) {
  fetched_ = true;
  SetFinal(status);
  return machine_.StatusRead(std::move(status));
}

MachineModel::Actions MachineModel::Completed(bool with_response, absl::Status status) {
  fetched_ = true;
  writing_ = Writing::kNothing;
  reading_ = false;
  std::optional<Payload> payload;
  if (with_response) {
    Message message;
    payload = NewMessage(kSmallBytes, kFirstIncoming, arrived_, message);
    if (!final_ && status.ok()) {
      received_.push_back(message);
    } else {
      expect_discarded_.push_back(message.id);
    }
  }
  SetFinal(status);
  return machine_.Completed(std::move(payload), std::move(status));
}

MachineModel::Actions MachineModel::PeerGone() {
  const absl::Status status = absl::UnavailableError("the peer is gone");
  const bool effective = !close_done_;
  peer_gone_ = effective;
  if (IsClient()) {
    SetFinal(status);
    return machine_.StatusRead(status);
  }
  if (effective) {
    expect_stop_ = !close_started_;
    cut_ = true;
    if (!final_ || (final_->ok() && !close_started_)) final_ = status;
    Discard(unsent_);
  }
  return machine_.PeerGone(status);
}

void MachineModel::Wait(Slot slot) {
  waiting_[static_cast<std::size_t>(slot)] = true;
  if (slot != Slot::kWrite) return;
  writer_waited_ = true;
  machine_.WriterWaits();
}

Payload MachineModel::NewMessage(std::size_t bytes, char first, int& count, Message& message) {
  message = {static_cast<char>(first + count), bytes + PayloadQueue::kOverheadBytes};
  ++count;
  Buffer buffer;
  buffer.Append(std::string(bytes, message.id));
  return Payload(std::move(buffer));
}

void MachineModel::Discard(std::deque<Message>& messages) {
  for (const Message& message : messages) expect_discarded_.push_back(message.id);
  messages.clear();
}

void MachineModel::SetFinal(absl::Status status) {
  if (final_) return;
  final_ = std::move(status);
  Discard(unsent_);
}

}  // namespace parley::detail
