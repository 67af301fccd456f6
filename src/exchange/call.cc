#include "src/exchange/call.h"

#include <bit>

#include "absl/strings/str_cat.h"

namespace parley::detail {

Call::Call(std::shared_ptr<Runtime> runtime, Machine::Side side, CallLimits limits,
           Machine::Reads reads)
    : runtime_(std::move(runtime)),
      max_message_bytes_(limits.max_message_bytes),
      machine_(side, limits.queues, reads) {}

Call::~Call() {
  for (const Control::Timer& timer : timers_) runtime_->control.Cancel(timer);
}

absl::Status Call::CheckSize(const Payload& message) const {
  if (message.size_bytes() <= max_message_bytes_) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("a message of ", message.size_bytes(), " bytes is over the limit of ",
                   max_message_bytes_, " bytes (max_message_bytes)"));
}

absl::StatusOr<bool> Call::Write(Payload&& message) {
  absl::Status status = CheckSize(message);
  if (!status.ok()) return status;
  bool room = false;
  Step([&](Machine& machine) {
    if ((armed_ & Bit(Slot::kWrite)) != 0) {
      status = absl::FailedPreconditionError("two writers of one call at the same time");
    } else {
      status = machine.WritableStatus();
    }
    // Whoever waits for each write adds one message to a full queue; whoever does not would fill the
    // memory.
    if (status.ok() && machine.Overfull()) {
      status = absl::FailedPreconditionError("the last write has not been waited for");
    }
    if (!status.ok()) return Machine::Actions();
    Machine::Actions actions = machine.Write(std::move(message));
    room = machine.HasRoom();
    return actions;
  });
  if (!status.ok()) return status;
  return room;
}

absl::StatusOr<bool> Call::HasRoom() {
  return Ask([](const Machine& machine) -> absl::StatusOr<bool> {
    if (absl::Status status = machine.WritableStatus(); !status.ok()) return status;
    return machine.HasRoom();
  });
}

absl::Status Call::WriteStatus() {
  return Ask([](const Machine& machine) { return machine.WriteStatus(); });
}

std::optional<Payload> Call::Take() {
  std::optional<Payload> message;
  if (machine_.reads() == Machine::Reads::kWhenTold) {
    Step([&](Machine& machine) {
      Machine::Actions actions;
      if (machine.HasMessage()) message = machine.Take(actions);
      return actions;
    });
    return message;
  }
  std::unique_lock lock(mutex_);
  if (!machine_.HasMessage()) return message;
  message = machine_.Take();
  const bool empty = !machine_.HasMessage();
  has_next_.store(!empty, std::memory_order_relaxed);
  lock.unlock();
  Taken(message->size_bytes(), empty);
  return message;
}

void Call::Post(absl::AnyInvocable<void()>&& task) {
  if (runtime_->loop.IsHeldHere()) return runtime_->Post(std::move(task));
  const std::shared_ptr<Runtime> runtime = runtime_;
  runtime->Post(std::move(task));
}

absl::Status Call::ReadStatus() {
  return Ask([](const Machine& machine) { return machine.ReadStatus(); });
}

Exchange::Armed Call::Arm(Slot slot, Waiter* waiter) { return ArmWith(slot, waiter, true); }

Exchange::Armed Call::ArmWith(Slot slot, Waiter* waiter, bool interested) {
  // Where that is not there any more, the call has ended.
  if (slot == Slot::kRead && has_next_.load(std::memory_order_relaxed)) return Armed::kReady;
  std::unique_lock lock(mutex_);
  if ((armed_ & Bit(slot)) != 0) return Armed::kBusy;
  if (machine_.Ready(slot)) return Armed::kReady;
  armed_ |= Bit(slot);
  if (interested) interested_ |= Bit(slot);
  waiters_[static_cast<std::size_t>(slot)] = waiter;
  if (slot == Slot::kWrite) machine_.WriterWaits();
  // Under the lock: as soon as it is gone the waiter may fire, and its owner let go of this call.
  if (interested) runtime_->loop.AddInterest();
  return Armed::kArmed;
}

bool Call::Disarm(Slot slot, Waiter* waiter) {
  std::unique_lock lock(mutex_);
  const unsigned bit = Bit(slot);
  if ((armed_ & bit) == 0 || waiters_[static_cast<std::size_t>(slot)] != waiter) return false;
  const bool interested = (interested_ & bit) != 0;
  armed_ &= ~bit;
  interested_ &= ~bit;
  lock.unlock();
  if (interested) runtime_->loop.RemoveInterest();
  return true;
}

bool Call::Block(Slot slot) {
  Loop::Sleeper sleeper(runtime_->loop);
  switch (ArmWith(slot, &sleeper, false)) {
    case Armed::kReady:
      return true;
    case Armed::kBusy:
      return false;
    case Armed::kArmed:
      runtime_->loop.Wait(sleeper);
      return true;
  }
  return true;
}

void Call::Cancel(absl::Status status) {
  Step([&](Machine& machine) { return machine.Cancel(std::move(status)); });
}

void Call::WatchDeadline() {
  if (deadline_ == absl::InfiniteFuture()) return;
  std::unique_lock lock(mutex_);
  At(deadline_, [](Call& call) { call.Expire(); });
}

void Call::Expire() {
  Step([](Machine& machine) {
    return machine.Expire(absl::DeadlineExceededError("the call's deadline has passed"));
  });
}

Call::Woken Call::CollectWoken(unsigned wake) {
  Woken woken;
  woken.slots = wake & armed_;
  if (woken.slots == 0) return woken;
  woken.interested = std::popcount(woken.slots & interested_);
  woken.waiters = waiters_;
  armed_ &= ~wake;
  interested_ &= ~wake;
  return woken;
}

void Call::WrittenAtOnce() {
  bool again = true;
  while (again) {
    std::unique_lock lock(mutex_);
    if (machine_.WriteJustDone()) return;
    Machine::Actions actions = machine_.WriteDone(true);
    const Woken woken = CollectWoken(actions.wake);
    lock.unlock();
    again = Perform(actions, woken);
  }
}

bool Call::Perform(Machine::Actions& actions, const Woken& woken) {
  bool written = false;
  if (actions.start_write) {
    written = StartWrite(std::move(actions.message), actions.start_close   ? Next::kClose
                                                     : actions.more_follow ? Next::kMessage
                                                                           : Next::kUnknown);
  } else if (actions.start_close) {
    written = StartClose();
  }
  if (actions.start_write || actions.start_close) runtime_->loop.Strayed();
  if (actions.request_stop) RequestStop();
  // A reader may run on another core while this thread asks for the next message.
  for (unsigned slots = woken.slots; slots != 0; slots &= slots - 1) {
    woken.waiters[static_cast<std::size_t>(std::countr_zero(slots))]->Fire();
  }
  if (actions.start_read) StartRead();
  if (actions.start_status) StartStatus();
  if (actions.cancel_wire) {
    CancelWire();
    runtime_->loop.Strayed();
  }
  for (int i = 0; i < woken.interested; ++i) runtime_->loop.RemoveInterest();
  return written;
}

}  // namespace parley::detail
