// The threads of one client or server, and who among them waits for the network.
//
// One thread at a time, the leader, polls the event source and handles what comes; there is no
// hand-over from a polling thread to a working one. A thread that blocks in parley leads if nobody
// else does. A pool thread that leads also runs handlers and callbacks where it is; when one of
// them takes longer than a tick, the monitor, a pool thread that sleeps beside the leader, takes
// the lead, and that kind of task goes to other threads until it is quick again.
// docs/decisions/0003-leader-and-monitor.md has the reasons and figures.
#ifndef PARLEY_SRC_EXCHANGE_LOOP_H_
#define PARLEY_SRC_EXCHANGE_LOOP_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "parley/detail/waiter.h"
#include "src/exchange/backoff.h"
#include "src/exchange/event_source.h"
#include "src/exchange/executor_queue.h"
#include "src/exchange/fifo.h"
#include "src/exchange/light_sleep.h"
#include "src/exchange/look_pace.h"
#include "src/exchange/loop_task.h"
#include "src/exchange/thread_watch.h"

namespace parley::detail {

class Loop {
 public:
  struct Limits {
    std::size_t running;  // pool threads that run tasks
    std::size_t total;    // these and those blocked inside parley
  };

  // More than any machine has; to be added to without an overflow.
  static constexpr std::size_t kMostThreads = std::size_t{1} << 20;

  // A thread that blocks until it is fired.
  class Sleeper final : public Waiter {
   public:
    explicit Sleeper(Loop& loop) : loop_(loop) {}
    void Fire() override { loop_.Release(*this); }

   private:
    friend class Loop;
    Loop& loop_;
    bool released_ = false;
    bool polling_ = false;
    std::thread::id thread_ = std::this_thread::get_id();
    std::condition_variable wake_;
  };

  // `source`: null for a loop that only runs tasks; else must outlive the loop.
  // With an `executor` tasks go there, and the pool only polls, when none of the executor's threads does.
  Loop(EventSource* source, Limits limits, std::shared_ptr<ExecutorQueue> executor = nullptr);
  ~Loop() { Stop(); }

  // Shuts the source down, runs what was posted and ends the threads. Any number of times.
  // REQUIRES: not called on one of the loop's threads.
  void Stop();

  // Runs `task` on a pool thread, or where the executor does. `history`, if any, is of tasks like this
  // and outlives it.
  void Post(absl::AnyInvocable<void()>&& task, TaskHistory* history = nullptr);

  // Blocks until `sleeper` was fired.
  void Wait(Sleeper& sleeper);

  // Something was started that nobody may wait for, such as a write: it is looked after within a
  // few ticks.
  void Strayed();

  // While somebody is interested, there is always a thread that polls.
  void AddInterest();
  void RemoveInterest();

  // Whether the calling thread belongs to this loop, or is at a task of its executor's.
  bool OnPoolThread() const;
  // Whether the loop can't go while the calling thread is where it is.
  bool IsHeldHere() const { return current_worker_ != nullptr && current_worker_->loop == this; }
  // Whether the calling thread will poll, as soon as it has done what it is at.
  bool PollsNext() const;
  bool has_executor() const { return executor_ != nullptr; }
  // Whether it has tasks that it has not begun, and will soon.
  bool ExecutorHasMore() const { return executor_ != nullptr && executor_->HasMore(); }
  // Whether somebody polls, or is known to do so next.
  bool HasLeader() const { return leader_ != nullptr; }
  // Whether the calling thread is at one of an executor's tasks, and will go on to others.
  bool RunsOneOfMany() const { return ExecutorHasMore() && executor_->RunsQuicklyHere(); }

 private:
  // The state of a pool thread, or of an executor's while that is a guest.
  struct Worker {
    explicit Worker(Loop* of) : loop(of) {}
    Loop* const loop;
    bool is_guest = false;
    const ThreadWatch watch;
    std::atomic<TaskHistory*> running = nullptr;
    TaskBatch batch;
    std::chrono::steady_clock::time_point batch_end;  // a guest's
    NextTask next;
    int in_a_row = 0;  // tasks that were next
  };
  using Lock = std::unique_lock<std::mutex>;
  static thread_local Worker* current_worker_;
  // The loop whose events this thread is handling.
  static thread_local Loop* dispatching_;

  void WorkerMain();
  void Lead(Lock& lock, Worker& self);
  bool MayLead(const Worker& self) const {
    return leader_ == &self || (LeadIsFree() && PoolMustLead() && !lead_is_lent_);
  }
  void Monitor(Lock& lock, Worker& self);
  LookPace::Leader FoundLeader() const {
    if (leader_ == nullptr) return LookPace::Leader::kNone;
    return LeaderRunsTasks() ? LookPace::Leader::kInTask : LookPace::Leader::kAtRest;
  }
  struct Suspicion;
  // Whether the leader, who is at one task since the monitor looked, lacks nothing but a core. Gives up
  // the lock meanwhile.
  bool LacksCore(Lock& lock, Suspicion& suspicion);
  void TakeLead();
  // One task that is not the leader's.
  void Run(Lock& lock, Worker& self, LoopTask task);
  // That took this long.
  static void NoteTime(TaskHistory& history, absl::Duration time);
  // The leader runs all quick tasks that there are.
  void RunQuickTasks(Lock& lock, Worker& self);
  // And what has waited for them for too long.
  void SettleOverdue(Worker& self);
  void RunNextTasks(Worker& self);
  // What was put off is done now, since the calling thread will not poll next. Gives up the lock meanwhile.
  void SettleNow(Lock& lock);
  // Whether `task` will run right after the one that the calling thread is at.
  bool PostNext(absl::AnyInvocable<void()>& task, TaskHistory* history);
  // What was to run there may be run by anybody.
  void GiveTasksAway(Worker& worker);
  bool HasIdleCore() const;
  // Handles events until there is something else to do for the leader, or no more come. Returns whether
  // there may be more. `wait`: what to do if there is none. The leader.
  bool Poll(Lock& lock, EventSource::Wait wait);
  // The leader is to look, after the event that it handles, at what has changed under the lock.
  void AskLeader() { leader_is_asked_.store(true, std::memory_order_relaxed); }
  void Release(Sleeper& sleeper);
  // With the lock held. A source that was shut down wakes its poller itself, and takes nothing any more.
  void WakePoller() {
    if (!stopping_) source_->Wake();
  }

  // The pool thread that is about to block makes room for another, and comes back.
  void EnterBlocked(Worker& worker);
  void LeaveBlocked(Worker& worker);
  void CountBlocked(const Worker& worker, bool blocks);

  bool CanLead() const { return source_ != nullptr && !source_ended_; }
  bool PoolMustLead() const {
    return interest_ > 0 || pool_leads_ || stopping_ || HasTasksForExecutor();
  }
  bool LeadIsFree() const { return CanLead() && leader_ == nullptr; }
  // Events may come that nobody waits for, such as the end of a cancelled call.
  bool LeftAlone() const { return LeadIsFree() && sleepers_.empty() && source_->Busy(); }
  bool HasRoom() const {
    // The leader and the monitor are pool threads too, on top of those that run tasks.
    return threads_.size() - blocked_ < limits_.running + 2 && threads_.size() < limits_.total + 2;
  }
  // Whether the lead could pass to somebody while the leader is in a task.
  bool HasSpare() const { return idle_ > 0 || monitor_ != nullptr || HasRoom(); }
  bool HasTasks() const { return !quick_.empty() || !slow_.empty(); }
  bool HasTasksForExecutor() const { return executor_ != nullptr && HasTasks(); }
  // The leader is at a task, and runs all quick ones itself before it polls; two threads that go from
  // quick task to quick task get in each other's way. The monitor sees to it if one is slow.
  bool LeaderRunsTasks() const { return leader_runs_.load(std::memory_order_relaxed); }
  bool HasTasksForOthers() const {
    return executor_ == nullptr && (!slow_.empty() || (!quick_.empty() && !LeaderRunsTasks()));
  }
  // Finds threads for the tasks that there are. Returns whether one of the pool will run them.
  bool SeeToTasks(Lock& lock);
  void CountStep() {
    steps_.store(steps_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  void SetLeaderRuns(bool runs) { leader_runs_.store(runs, std::memory_order_relaxed); }
  void PassLead();
  // Gets one more pool thread going. False if there is none to be had.
  bool WakeWorker();

  // --- With an executor: its thread that has run what an event has brought leads for a while, as a guest,
  // so that neither it nor the poller is woken for the next. loop_guest.cc.
  struct Door;
  // Whether the calling thread is one.
  static bool IsGuest() { return current_worker_ != nullptr && current_worker_->is_guest; }
  static void Visit(Door& door);
  void CloseDoor();
  void LeadAsGuest(Lock& lock, Worker& self);
  // A task of the guest that leads here is its own. False if none does.
  bool PostToGuest(absl::AnyInvocable<void()>& task, TaskHistory* history);
  // `slow`: of what has been slow, and may become quick again.
  void PostToExecutor(absl::AnyInvocable<void()>&& task, TaskHistory* slow);
  // Brings all tasks to the executor. Gives up the lock meanwhile.
  void BringTasks(Lock& lock);
  // The leader leaves them, and the lead, to a guest that it asks the executor for. The same.
  void LendLead(Lock& lock);
  bool ShouldLend();
  // The guest that it was lent to, if it was, has come too late.
  void TakeBackLead();

  // Makes sure that the monitor looks at least this often.
  using Watch = LookPace::Watch;
  void WakeMonitor(Watch least);

  EventSource* const source_;
  const Limits limits_;
  const std::shared_ptr<ExecutorQueue> executor_;
  const std::shared_ptr<Door> door_;  // for guests

  std::mutex mutex_;
  std::condition_variable idle_wake_;
  LightSleep monitor_sleep_;
  std::vector<std::thread> threads_;
  Fifo<LoopTask> brought_;        // by the event that the leader handles; not under the lock
  std::size_t last_brought_ = 0;  // to the executor; the leader's
  Fifo<LoopTask> quick_;          // the leader may run these
  Fifo<LoopTask> slow_;           // other threads only
  std::vector<Sleeper*> sleepers_;

  std::atomic<void*> leader_ = nullptr;  // a Worker or a Sleeper
  std::atomic<bool> leader_is_asked_ = false;
  // Changed by the leader, and looked at by the monitor without the lock.
  std::atomic<std::uint64_t> steps_ = 0;   // rises whenever the leader begins something
  std::atomic<bool> leader_runs_ = false;  // the leader is inside a task
  std::atomic<bool> leader_ran_ = false;   // it has been since the monitor looked
  bool pool_leads_ = false;                // a sleeper gave the lead to the pool
  bool source_ended_ = false;
  bool stopping_ = false;
  std::atomic<int> interest_ = 0;

  const Worker* monitor_ = nullptr;
  Watch watch_ = Watch::kAsleep;

  std::size_t running_ = 0;
  std::size_t blocked_ = 0;
  std::size_t idle_ = 0;
  std::size_t waking_ = 0;  // idle threads that were woken, and new ones that have not begun

  std::size_t guests_ = 0;
  bool lead_is_lent_ = false;  // to a guest that has not come yet
  Backoff lends_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_LOOP_H_
