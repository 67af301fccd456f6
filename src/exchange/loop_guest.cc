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
constexpr int kLongestPause = 64;

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
  executor_->Post([task = std::move(task), slow]() mutable {
    const absl::Time start = absl::Now();
    task();
    NoteTime(*slow, absl::Now() - start);
  });
}

bool Loop::PostToGuest(absl::AnyInvocable<void()>& task, TaskHistory* history) {
  const Worker* const self = current_worker_;
  if (self == nullptr || leader_ != self || !self->is_guest) return false;
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
  leader_ = nullptr;
  lead_is_lent_ = true;
  WakeMonitor(Watch::kOften);  // the executor may have no thread for it
  lock.unlock();
  executor_->PostAlone([door = door_] { Visit(*door); });
  lock.lock();
}

bool Loop::ShouldLend() {
  if (interest_ == 0 || stopping_ || !sleepers_.empty()) return false;
  if (until_lend_ == 0) return true;
  --until_lend_;
  return false;
}

void Loop::CameBack(bool fruitful) {
  lend_pause_ = fruitful ? std::max(lend_pause_ / 2, 1) : std::min(2 * lend_pause_, kLongestPause);
  until_lend_ = fruitful ? 0 : lend_pause_;
}

void Loop::Visit(Door& door) {
  std::unique_lock<std::mutex> entry(door.mutex);
  Loop* const loop = door.loop;
  if (loop == nullptr) return;
  Lock lock(loop->mutex_);
  if (!std::exchange(loop->lead_is_lent_, false) || !loop->LeadIsFree()) return;
  if (current_worker_ !=
      nullptr) {  // an executor that runs tasks inside Post has no thread to lead
    loop->CameBack(false);
    return loop->PassLead();
  }
  ++loop->guests_;
  entry.unlock();
  Worker self(loop);
  self.is_guest = true;
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
  Clock::time_point now;
  do {
    more = Poll(lock, quick_.empty() && HasIdleCore() ? Wait::kBriefly : Wait::kNot) ||
           !quick_.empty();
    now = Clock::now();
    if (leader_ == &self && !quick_.empty()) {
      fruitful = true;
      self.batch_end = now + kBatch;
      RunQuickTasks(lock, self);
      if (leader_ == &self && HasTasks() && Clock::now() >= self.batch_end) BringTasks(lock);
    }
  } while (leader_ == &self && more && now < end && PoolMustLead() && !stopping_);
  const bool lost = leader_ != &self;
  if (lost) lend_pause_ = kLongestPause;  // a task takes long
  CameBack(fruitful && !lost);
  if (lost) return;
  if (more && PoolMustLead() && !stopping_) {
    LendLead(lock);
  } else {
    leader_ = nullptr;
    if (HasTasks()) BringTasks(lock);
    PassLead();
  }
  SettleAfterLead(lock);
}

}  // namespace parley::detail
