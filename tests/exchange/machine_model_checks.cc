// The checks of MachineModel: what must hold after every event, and at the end; and how it tells
// what it has seen.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/exchange/machine_model.h"

namespace parley::detail {
namespace {

constexpr std::array<const char*, MachineModel::kEvents> kNames = {"Open",
                                                                   "WriteSmall",
                                                                   "WriteLarge",
                                                                   "CloseSending",
                                                                   "FinishOk",
                                                                   "FinishWithMessage",
                                                                   "FinishError",
                                                                   "Take",
                                                                   "Reject",
                                                                   "Cancel",
                                                                   "Expire",
                                                                   "Kill",
                                                                   "WaitRead",
                                                                   "WaitWrite",
                                                                   "WaitEnd",
                                                                   "WaitHeaders",
                                                                   "StopWaitingRead",
                                                                   "StopWaitingWrite",
                                                                   "HeadersRead",
                                                                   "MessageSmall",
                                                                   "MessageLarge",
                                                                   "ReadEnded",
                                                                   "WriteDone",
                                                                   "WriteFailed",
                                                                   "CloseDone",
                                                                   "StatusOk",
                                                                   "StatusError",
                                                                   "PeerGone",
                                                                   "CompletedOk",
                                                                   "CompletedEmpty",
                                                                   "CompletedError"};

}  // namespace

void MachineModel::Check(bool ok, std::string_view what) {
  if (!ok && violation_.empty()) violation_ = what;
}

// Nothing is started twice, out of order, or once the call is over.
void MachineModel::CheckStarted(Actions& actions) {
  const bool sends = actions.start_write || actions.start_close;
  if (sends || actions.start_read || actions.start_status) {
    Check(open_, "something is started before the opening");
  }
  if (sends) Check(!send_failed_, "something is sent after a write that failed");
  if (actions.start_write) {
    Check(!Over() && !cut_, "a write is started after the end");
    Check(writing_ == Writing::kNothing, "two writes in flight");
    Check(!close_started_, "a write after the close");
    const std::string bytes = actions.message.bytes().ToString();
    Check(!unsent_.empty() && !bytes.empty() && bytes[0] == unsent_.front().id,
          "messages are written in order");
    if (!unsent_.empty()) unsent_.pop_front();
    Check(actions.more_follow == !unsent_.empty(), "more_follow");
    writing_ = Writing::kMessage;
  } else {
    Check(actions.message.size_bytes() == 0, "a message without a write");
  }
  if (actions.start_close) {
    Check(!Over(), "the close is started after the end");
    Check(actions.start_write || writing_ == Writing::kNothing, "the close during a write");
    Check(!close_started_, "two closes");
    Check(close_asked_, "a close that nobody asked for");
    Check(unsent_.empty(), "the close before all that was written");
    close_started_ = true;
    writing_ = Writing::kClose;
  }
  if (actions.start_read) {
    Check(!Over() && !final_, "a read is started after the end");
    Check(!reading_, "two reads in flight");
    Check(!read_ended_, "a read after the last");
    Check(ReadRoom(), "a read into a full queue");
    reading_ = true;
  }
  if (actions.start_status) {
    Check(IsClient() && !Over(), "the status is fetched after the end");
    Check(!fetching_, "the status is fetched twice");
    Check(read_ended_, "the status is fetched before the messages");
    fetching_ = true;
  }
}

// Every message that is not sent or delivered is thrown away once, where user code may run.
void MachineModel::CheckDiscarded(Actions& actions) {
  std::vector<char> discarded;
  for (const Payload& message : actions.discarded) {
    discarded.push_back(message.bytes().ToString()[0]);
  }
  std::sort(discarded.begin(), discarded.end());
  std::sort(expect_discarded_.begin(), expect_discarded_.end());
  Check(discarded == expect_discarded_,
        absl::StrCat("thrown away is \"", std::string(discarded.begin(), discarded.end()),
                     "\", should be \"",
                     std::string(expect_discarded_.begin(), expect_discarded_.end()), "\""));
}

// What can go on does.
void MachineModel::CheckUnderWay() {
  if (!open_ || Over()) return;
  if (writing_ == Writing::kNothing && !close_started_ && !send_failed_) {
    Check(unsent_.empty(), "a message waits though nothing is being written");
    Check(!close_asked_, "the close waits though nothing is being written");
  }
  if (!final_ && !read_ended_ && ReadRoom())
    Check(reading_, "nothing is read though there is room");
  if (IsClient() && read_ended_) Check(fetching_, "nobody fetches the status");
  // Who waits for room before writing keeps to the bound; who does not is not stopped here.
  Check(machine_.HasRoom() == WriteRoom(), "HasRoom");
  Check(machine_.HasMessage() == !received_.empty(), "HasMessage");
}

// A waiter is woken only when its slot is ready, and always when it becomes so.
void MachineModel::CheckWoken(unsigned wake) {
  for (int i = 0; i < kSlots; ++i) {
    const Slot slot = static_cast<Slot>(i);
    bool& waiting = waiting_[static_cast<std::size_t>(i)];
    const bool woken = (wake & (1u << i)) != 0;
    Check(machine_.Ready(slot) == Ready(slot), absl::StrCat("Ready, slot ", i));
    if (woken) {
      Check(Ready(slot), absl::StrCat("woken before it is ready, slot ", i));
      if (slot == Slot::kWrite) writer_waited_ = false;
    }
    if (waiting && Due(slot)) Check(woken, absl::StrCat("a lost wake-up, slot ", i));
    if (waiting && woken) {
      Check(Due(slot), absl::StrCat("woken too early, slot ", i));
      waiting = false;
    }
  }
}

void MachineModel::CheckStatuses() {
  Check(
      machine_.final_status() == final_,
      absl::StrCat("the final status should be ", final_ ? final_->ToString() : "unknown", ", is ",
                   machine_.final_status() ? machine_.final_status()->ToString() : "unknown"));
  Check(machine_.close_started() == close_started_, "close_started");

  absl::Status write;
  if ((IsClient() || cut_) && final_ && !final_->ok()) {
    write = *final_;
  } else if ((IsClient() && final_) || send_failed_) {
    write = absl::CancelledError("");
  }
  Check(machine_.WriteStatus().code() == write.code(), "WriteStatus");
  const bool client_closed = IsClient() && close_asked_;
  const absl::StatusCode writable = client_closed || (close_asked_ && write.ok())
                                        ? absl::StatusCode::kFailedPrecondition
                                        : write.code();
  Check(machine_.WritableStatus().code() == writable, "WritableStatus");

  const absl::Status read = machine_.ReadStatus();
  if (!received_.empty()) {
    Check(read.code() == absl::StatusCode::kUnknown, "ReadStatus before the last message");
  } else if (IsClient()) {
    Check(final_ ? read == *final_ : read.code() == absl::StatusCode::kUnknown, "ReadStatus");
  } else if (!rules_.one_request) {
    Check(read.ok() == (read_ended_ && !lost_),
          "a server's ReadStatus is OK if and only if the client closed its side and every message "
          "was read");
    if (!read.ok() && final_ && !final_->ok()) Check(read == *final_, "ReadStatus");
  }
}

// Once the wire has done what was under way, nothing and nobody is left.
void MachineModel::CheckEnded() {
  Check(final_.has_value(), "no final status at the end");
  Check(writing_ == Writing::kNothing, "a write is still in flight at the end");
  Check(!reading_, "a read is still in flight at the end");
  Check(unsent_.empty(), "a message was never sent nor thrown away");
  Check(received_.empty(), "a message was never taken nor thrown away");
  for (int i = 0; i < kSlots; ++i) {
    Check(!waiting_[static_cast<std::size_t>(i)], absl::StrCat("somebody still waits, slot ", i));
  }
  if (!IsClient()) Check(close_started_ || peer_gone_, "nobody was told the final status");
}

std::string MachineModel::Trace() const {
  return absl::StrJoin(trace_, ", ", [](std::string* out, Event event) {
    absl::StrAppend(out, kNames[static_cast<std::size_t>(event)]);
  });
}

std::string MachineModel::Key() const {
  std::string key;
  const auto add = [&](auto value) { key.push_back(static_cast<char>(value)); };
  const auto add_messages = [&](const std::deque<Message>& messages) {
    add(messages.size());
    for (const Message& message : messages) add(message.bytes < kLargeBytes ? 1 : 2);
  };
  add(open_ | headers_ << 1 | reading_ << 2 | fetching_ << 3 | fetched_ << 4 | close_done_ << 5);
  add(peer_gone_ | close_asked_ << 1 | close_started_ << 2 | send_failed_ << 3 | read_ended_ << 4 |
      lost_ << 5 | cut_ << 6);
  add(writing_);
  add(written_);
  add(arrived_);
  add_messages(unsent_);
  add_messages(received_);
  add(final_ ? static_cast<int>(final_->code()) : -1);
  add(cancels_);
  add(finishes_);
  add(taken_ | rejected_ << 1);
  add(waiting_[0] | waiting_[1] << 1 | waiting_[2] << 2 | waiting_[3] << 3 | writer_waited_ << 4);
  return key;
}

}  // namespace parley::detail
