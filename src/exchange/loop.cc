#include "src/exchange/loop.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "absl/time/clock.h"
#include "parley/detail/cork.h"

namespace parley::detail {
namespace {

// A task that the monitor would hardly find slow is quick, or else a slow one might stay so for ever.
constexpr absl::Duration kQuick = absl::FromChrono(LookPace::kGlance);
// After so many tasks, each posted by the one before, others have their turn.
constexpr int kMostInARow = 8;
// Whether something has waited for too long is looked at once for so many tasks: it takes reading a
// clock.
constexpr int kTasksBetweenLooks = 8;

}  // namespace

thread_local Loop::Worker* Loop::current_worker_ = nullptr;
thread_local Loop* Loop::dispatching_ = nullptr;

void Loop::Stop() {
  CloseDoor();
  {
    Lock lock(mutex_);
    if (!std::exchange(stopping_, true) && source_ != nullptr) source_->Shutdown();
    AskLeader();
    lead_is_lent_ = false;
    if (CanLead() || HasTasks()) WakeWorker();
    idle_wake_.notify_all();
    monitor_sleep_.Disturb();
  }
  // A thread may start another until the last one has seen that there is nothing left.
  for (std::size_t i = 0;; ++i) {
    std::thread thread;
    {
      Lock lock(mutex_);
      if (i == threads_.size()) break;
      thread = std::move(threads_[i]);
    }
    if (thread.joinable()) thread.join();
  }
  Lock lock(mutex_);
  idle_wake_.wait(lock, [this] { return guests_ == 0; });
}

bool Loop::OnPoolThread() const {
  return IsHeldHere() || (executor_ != nullptr && executor_->RunsHere());
}

bool Loop::PollsNext() const {
  if (dispatching_ == this) return true;
  const Worker* worker = current_worker_;
  return worker != nullptr && worker->loop == this && leader_ == worker;
}

void Loop::Post(absl::AnyInvocable<void()>&& task, TaskHistory* history) {
  const bool slow = history != nullptr && history->slow.load(std::memory_order_relaxed) > 0;
  if (dispatching_ == this && !slow) {
    brought_.Push(LoopTask(std::move(task), history));
    return;
  }
  if (executor_ != nullptr) {
    if (!slow && PostToGuest(task, history)) return;
    return PostToExecutor(std::move(task), slow ? history : nullptr);
  }
  if (!slow && PostNext(task, history)) return;
  Lock lock(mutex_);
  (slow ? slow_ : quick_).Push(LoopTask(std::move(task), history));
  AskLeader();
  if (slow || !LeaderRunsTasks()) WakeWorker();
}

bool Loop::PostNext(absl::AnyInvocable<void()>& task, TaskHistory* history) {
  Worker* const self = current_worker_;
  if (self == nullptr || leader_ != self || self->in_a_row == kMostInARow || !self->next.IsFree()) {
    return false;
  }
  self->next.Put(std::move(task), history);
  if (leader_ == self) return true;
  // Whoever took the lead may have found nothing yet.
  std::optional<LoopTask> back = self->next.Take();
  if (!back) return true;
  task = std::move(back->run);
  return false;
}

void Loop::GiveTasksAway(Worker& worker) {
  worker.batch.TakeRest(quick_);
  if (std::optional<LoopTask> next = worker.next.Take()) quick_.PushFirst(*std::move(next));
}

void Loop::Wait(Sleeper& sleeper) {
  const Cork::Out uncorked;  // what the thread has said may be what it waits for an answer to
  Worker* worker = current_worker_;
  if (worker != nullptr && worker->loop != this) {
    // Or else in what that loop asks while it handles an event, such as authorize.
    const bool in_task = dispatching_ != worker->loop;
    if (in_task) worker->loop->EnterBlocked(*worker);
    current_worker_ = nullptr;  // on this loop the thread is like any other
    Wait(sleeper);
    current_worker_ = worker;
    if (in_task) worker->loop->LeaveBlocked(*worker);
    return;
  }

  Lock lock(mutex_);
  void* self = &sleeper;
  bool led = false;
  // What the task has said was left for those after it.
  if (executor_ != nullptr && executor_->NoteBlocks() && source_ != nullptr) SettleNow(lock);
  if (worker != nullptr) {
    self = worker;
    CountBlocked(*worker, true);
    if (leader_ == self) SetLeaderRuns(false);
    GiveTasksAway(*worker);
    SeeToTasks(lock);
  }
  while (!sleeper.released_) {
    if (CanLead() && !pool_leads_ && (leader_ == nullptr || leader_ == self)) {
      TakeBackLead();
      leader_ = self;
      led = true;
      if (HasTasksForExecutor()) {  // which were for a guest
        BringTasks(lock);
        continue;
      }
      sleeper.polling_ = true;
      Poll(lock, EventSource::Wait::kAsleep);
      sleeper.polling_ = false;
      // Tasks are for the pool; who runs them polls, so that one event costs one thread.
      if (SeeToTasks(lock)) {
        leader_ = nullptr;
        pool_leads_ = true;
      }
    } else {
      sleepers_.push_back(&sleeper);
      sleeper.wake_.wait(lock, [&] {
        return sleeper.released_ || (CanLead() && !pool_leads_ && leader_ == nullptr);
      });
      std::erase(sleepers_, &sleeper);
    }
  }
  if (worker != nullptr) {
    CountBlocked(*worker, false);
    if (leader_ == self) {
      SetLeaderRuns(true);
      CountStep();
      WakeMonitor(Watch::kOften);
    }
  } else if (leader_ == self) {
    leader_ = nullptr;
  }
  if (leader_ == nullptr && !lead_is_lent_) PassLead();
  if (led) SettleNow(lock);
}

void Loop::Release(Sleeper& sleeper) {
  Lock lock(mutex_);
  sleeper.released_ = true;
  AskLeader();
  if (!sleeper.polling_) {
    sleeper.wake_.notify_one();
  } else if (sleeper.thread_ != std::this_thread::get_id()) {
    WakePoller();
  }
}

void Loop::EnterBlocked(Worker& worker) {
  Lock lock(mutex_);
  CountBlocked(worker, true);
  const bool led = leader_ == &worker;
  if (led) {
    leader_ = nullptr;
    SetLeaderRuns(false);
    GiveTasksAway(worker);
    PassLead();
  }
  SeeToTasks(lock);
  if (led) SettleNow(lock);
}

void Loop::LeaveBlocked(Worker& worker) {
  Lock lock(mutex_);
  CountBlocked(worker, false);
}

void Loop::CountBlocked(const Worker& worker, bool blocks) {
  running_ = blocks ? running_ - 1 : running_ + 1;
  if (!worker.is_guest) blocked_ = blocks ? blocked_ + 1 : blocked_ - 1;
}

bool Loop::SeeToTasks(Lock& lock) {
  if (!HasTasks()) return false;
  if (executor_ == nullptr) return WakeWorker();
  BringTasks(lock);
  return false;
}

void Loop::Strayed() {
  if (source_ == nullptr || interest_ > 0) return;
  Lock lock(mutex_);
  if (LeadIsFree() && sleepers_.empty()) WakeMonitor(Watch::kOften);
}

void Loop::AddInterest() {
  // Whoever gives the lead up has read a zero before, or sees this one.
  if (interest_.fetch_add(1) > 0) return;
  Lock lock(mutex_);
  if (LeadIsFree() && !lead_is_lent_) PassLead();
}

void Loop::RemoveInterest() { interest_.fetch_sub(1); }

// Finds somebody to poll, now that nobody does: a blocked thread, else the pool if it is needed.
void Loop::PassLead() {
  lead_is_lent_ = false;
  if (!CanLead()) return;
  if (!sleepers_.empty() && !pool_leads_) {
    sleepers_.front()->wake_.notify_one();
  } else if (PoolMustLead()) {
    if (!WakeWorker()) monitor_sleep_.Disturb();
  } else if (source_->Busy()) {
    WakeMonitor(Watch::kSeldom);
  }
}

bool Loop::WakeWorker() {
  if (idle_ > waking_) {
    ++waking_;
    idle_wake_.notify_one();
    return true;
  }
  const bool enough = waking_ > slow_.size() + quick_.size();
  if (HasRoom() && !enough) {
    try {
      threads_.emplace_back([this] { WorkerMain(); });
      ++waking_;
      return true;
    } catch (const std::system_error&) {
      // The system gives no more of them: those that there are do all the work.
    }
  }
  return waking_ > 0;
}

void Loop::WorkerMain() {
  Worker self(this);
  current_worker_ = &self;
  Lock lock(mutex_);
  if (waking_ > 0) --waking_;
  while (true) {
    // A task that blocked may have brought the lead with it.
    if (MayLead(self)) {
      leader_ = &self;
      Lead(lock, self);
    } else if (HasTasksForExecutor() && leader_ == nullptr && !lead_is_lent_) {
      BringTasks(lock);  // as the leader would, but the source has ended
    } else if (HasTasksForOthers() && running_ < limits_.running) {
      Fifo<LoopTask>& tasks = slow_.empty() ? quick_ : slow_;
      LoopTask task = tasks.Pop();
      if (monitor_ == nullptr && CanLead() && !stopping_) WakeWorker();
      Run(lock, self, std::move(task));
    } else if (stopping_ && !HasTasks() && !CanLead()) {
      break;
    } else if (monitor_ == nullptr && CanLead() && !stopping_) {
      Monitor(lock, self);
    } else {
      ++idle_;
      idle_wake_.wait(lock);
      --idle_;
      if (waking_ > 0) --waking_;
    }
  }
  // Whoever sleeps must see the end too.
  idle_wake_.notify_all();
  current_worker_ = nullptr;
}

void Loop::Lead(Lock& lock, Worker& self) {
  pool_leads_ = false;
  while (leader_ == &self) {
    if (source_->Overdue()) {
      lock.unlock();
      source_->Settle();
      lock.lock();
      GiveTasksAway(self);  // there is no task that it would follow
    } else if (HasTasksForExecutor()) {
      ShouldLend() ? LendLead(lock) : BringTasks(lock);
    } else if (!quick_.empty() && running_ < limits_.running && HasSpare()) {
      RunQuickTasks(lock, self);
      // Whoever has tasks all the time must not keep events waiting.
      if (leader_ == &self && !quick_.empty()) Poll(lock, EventSource::Wait::kNot);
    } else if (!PoolMustLead() && (!sleepers_.empty() || !source_->Busy())) {
      // A blocked thread polls for itself; with nobody waiting, the pool does only while something
      // may come.
      leader_ = nullptr;
      PassLead();
      SettleNow(lock);
    } else {
      Poll(lock, EventSource::Wait::kAsleep);
    }
  }
}

// As far as this loop can tell. An executor that gets many tasks at a time will soon get some again.
bool Loop::HasIdleCore() const {
  static const std::size_t cores = std::thread::hardware_concurrency();
  if (executor_ == nullptr) return cores > 1;
  const std::size_t to_bring = IsGuest() ? 0 : last_brought_;  // a guest runs them itself
  return std::max(executor_->unfinished(), to_bring) + 1 < cores;
}

bool Loop::Poll(Lock& lock, EventSource::Wait wait) {
  using Wait = EventSource::Wait;
  leader_is_asked_.store(false, std::memory_order_relaxed);
  // Tasks that nobody could be found for: each event is an opportunity.
  const bool once = HasTasks() || IsGuest();  // whose time is short
  lock.unlock();
  Loop* const outer = std::exchange(dispatching_, this);
  EventSource::Polled polled;
  do {
    CountStep();
    polled = source_->Poll(wait == Wait::kAsleep && HasIdleCore() ? Wait::kEagerly : wait);
  } while (polled == EventSource::Polled::kEvent && brought_.empty() && !once && interest_ > 0 &&
           !leader_is_asked_.load(std::memory_order_relaxed));
  dispatching_ = outer;
  if (!brought_.empty()) last_brought_ = brought_.size();
  lock.lock();
  if (quick_.empty()) quick_.Swap(brought_);
  while (!brought_.empty()) quick_.Push(brought_.Pop());
  if (polled != EventSource::Polled::kShutdown) return polled == EventSource::Polled::kEvent;
  source_ended_ = true;
  leader_ = nullptr;
  idle_wake_.notify_all();
  monitor_sleep_.Disturb();
  return false;
}

void Loop::Run(Lock& lock, Worker& self, LoopTask task) {
  ++running_;
  self.running = task.history;
  lock.unlock();
  const bool timed = task.history != nullptr;
  const absl::Time start = timed ? absl::Now() : absl::Time();
  task.run();
  task.run = nullptr;
  RunNextTasks(self);  // it may have come to lead
  if (timed) NoteTime(*task.history, absl::Now() - start);
  lock.lock();
  self.running = nullptr;
  --running_;
  if (leader_ == &self) SetLeaderRuns(false);
}

void Loop::NoteTime(TaskHistory& history, absl::Duration time) {
  if (time >= kQuick || history.slow.load(std::memory_order_relaxed) == 0) return;
  history.slow.fetch_sub(1, std::memory_order_relaxed);
}

void Loop::RunQuickTasks(Lock& lock, Worker& self) {
  ++running_;
  self.batch.Fill(quick_);
  CountStep();
  SetLeaderRuns(true);
  WakeMonitor(Watch::kOften);
  lock.unlock();
  int since_look = 0;
  while (LoopTask* const task = self.batch.Next()) {
    if (since_look++ == kTasksBetweenLooks) {
      since_look = 0;
      SettleOverdue(self);
    }
    self.running.store(task->history, std::memory_order_relaxed);
    CountStep();
    leader_ran_.store(true, std::memory_order_relaxed);
    task->run();
    task->run = nullptr;
    RunNextTasks(self);
    if (self.is_guest && std::chrono::steady_clock::now() > self.batch_end) {
      lock.lock();
      GiveTasksAway(self);
      lock.unlock();
    }
  }
  lock.lock();
  self.batch.Clear();
  self.running = nullptr;
  --running_;
  if (leader_ == &self) SetLeaderRuns(false);
}

void Loop::SettleOverdue(Worker& self) {
  if (!source_->Overdue()) return;
  self.running = nullptr;
  // Who took the lead meanwhile may have begun to wait for events before this was put off again.
  if (source_->Settle() && leader_ != &self) {
    Lock lock(mutex_);
    WakePoller();
  }
  RunNextTasks(self);
}

void Loop::RunNextTasks(Worker& self) {
  while (LoopTask* const next = self.next.Claim()) {
    ++self.in_a_row;
    CountStep();
    self.running.store(next->history, std::memory_order_relaxed);
    next->run();
    next->run = nullptr;
  }
  self.in_a_row = 0;
}

void Loop::SettleNow(Lock& lock) {
  lock.unlock();
  const bool left = source_->Settle();
  lock.lock();
  // Who leads now may have begun to wait for events before this was there.
  if (left && leader_ != nullptr) WakePoller();
}

}  // namespace parley::detail
