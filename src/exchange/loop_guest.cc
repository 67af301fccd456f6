// What a loop does with an application's executor: brings tasks there, and lends the lead to the thread that
// runs them.
#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/clock.h"
#include "src/exchange/loop.h"

namespace parley::detail {
namespace {

using Clock = std::chrono::steady_clock;

// After so long the application's own tasks, which wait in the executor, have their turn.
constexpr std::chrono::microseconds kVisit{500};
// Tasks that take longer together are worth waking other threads for.
constexpr std::chrono::microseconds kBatch{200};

}  // namespace

// How a guest finds its loop, unless that is gone: an executor may keep a task for as long as it likes.
struct Loop::Door {
  std::mutex mutex;
  Loop* loop;  // null when it stops
};

Loop::Loop(EventSource* source, Limits limits, std::shared_ptr<ExecutorQueue> executor)
    : source_(source),
      limits_{std::min(limits.running, kMostThreads), std::min(limits.total, kMostThreads)},
      executor_(std::move(executor)),
      door_(executor_ == nullptr ? nullptr : new Door{{}, this}) {}

void Loop::CloseDoor() {
  if (door_ == nullptr) return;
  const std::lock_guard<std::mutex> lock(door_->mutex);
  door_->loop = nullptr;
}

void Loop::PostToExecutor(absl::AnyInvocable<void()>&& task, TaskHistory* slow) {
  if (slow == nullptr) return executor_->Post(std::move(task));
  // The task may be the last that keeps what has the history.
  executor_->Post([task = std::move(task), history = slow->shared_from_this()]() mutable {
    const absl::Time start = absl::Now();
    task();
    NoteTime(*history, absl::Now() - start);
  });
}

bool Loop::PostToGuest(absl::AnyInvocable<void()>& task, TaskHistory* history) {
  const Worker* const self = current_worker_;
  // Only a task's: whoever runs tasks looks for those that they have posted.
  if (!IsGuest() || leader_ != self || !LeaderRunsTasks()) return false;
  if (PostNext(task, history)) return true;
  Lock lock(mutex_);
  if (leader_ != self) return false;
  quick_.Push(LoopTask(std::move(task), history));
  return true;
}

void Loop::BringTasks(Lock& lock) {
  // All of them at once: a thread that wakes finds them all.
  std::vector<absl::AnyInvocable<void()>> tasks;
  while (!quick_.empty()) tasks.push_back(quick_.Pop().run);
  lock.unlock();
  executor_->Post(absl::MakeSpan(tasks));
  lock.lock();
}

void Loop::LendLead(Lock& lock) {
  const bool is_guest = IsGuest();
  leader_ = nullptr;
  lead_is_lent_ = true;
  WakeMonitor(Watch::kOften);  // the executor may have no thread for it
  if (!is_guest) ++idle_;      // and may be needed before Post returns
  lock.unlock();
  executor_->PostAlone([door = door_] { Visit(*door); });
  lock.lock();
  if (is_guest) return;
  --idle_;
  if (waking_ > 0) --waking_;
}

bool Loop::ShouldLend() {
  // A guest that was asked for earlier, and is still to come, has the door too.
  return interest_ > 0 && !stopping_ && sleepers_.empty() && door_.use_count() == 1 &&
         lends_.MayTry();
}

void Loop::TakeBackLead() {
  if (std::exchange(lead_is_lent_, false)) lends_.Failed();
}

void Loop::Visit(Door& door) {
  std::unique_lock<std::mutex> entry(door.mutex);
  Loop* const loop = door.loop;
  if (loop == nullptr) return;
  Worker self(loop);
  self.is_guest = true;
  Lock lock(loop->mutex_);
  if (!loop->lead_is_lent_ || !loop->LeadIsFree()) return;
  if (current_worker_ != nullptr) {
    // This executor runs tasks inside Post, and has no thread to lead.
    loop->TakeBackLead();
    return loop->PassLead();
  }
  loop->lead_is_lent_ = false;
  ++loop->guests_;
  entry.unlock();
  current_worker_ = &self;
  loop->leader_ = &self;
  loop->LeadAsGuest(lock, self);
  current_worker_ = nullptr;
  --loop->guests_;
  if (loop->stopping_) loop->idle_wake_.notify_all();
}

void Loop::LeadAsGuest(Lock& lock, Worker& self) {
  using Wait = EventSource::Wait;
  pool_leads_ = false;
  const Clock::time_point end = Clock::now() + kVisit;
  bool fruitful = false;
  bool more = true;
  for (bool first = true; more && leader_ == &self && PoolMustLead() && !stopping_; first = false) {
    if (!quick_.empty()) {
      fruitful = fruitful || !first;  // the first are the poller's
      self.batch_end = Clock::now() + kBatch;
      RunQuickTasks(lock, self);
      if (leader_ != &self) break;
      if (HasTasks() && Clock::now() >= self.batch_end) BringTasks(lock);
    }
    if (Clock::now() >= end) break;
    more = Poll(lock, quick_.empty() && HasIdleCore() ? Wait::kBriefly : Wait::kNot) ||
           !quick_.empty();
  }
  if (leader_ != &self) return lends_.FailedBadly();  // a task takes long
  fruitful ? lends_.Succeeded() : lends_.Failed();
  if (more && PoolMustLead() && !stopping_ && sleepers_.empty()) {
    LendLead(lock);
  } else {
    leader_ = nullptr;
    if (HasTasks()) BringTasks(lock);
    if (leader_ == nullptr) PassLead();
  }
  SettleNow(lock);
}

}  // namespace parley::detail
