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
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "parley/detail/waiter.h"
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
  // With an `executor` the pool only polls, and tasks go there.
  Loop(EventSource* source, Limits limits, std::shared_ptr<ExecutorQueue> executor = nullptr)
      : source_(source),
        limits_{std::min(limits.running, kMostThreads), std::min(limits.total, kMostThreads)},
        executor_(std::move(executor)) {}
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

  // Whether the calling thread belongs to this loop.
  bool OnPoolThread() const;
  // Whether the calling thread will poll, as soon as it has done what it is at.
  bool PollsNext() const;
  bool has_executor() const { return executor_ != nullptr; }
  // Whether it has tasks that it has not begun.
  bool ExecutorHasMore() const { return executor_ != nullptr && executor_->has_waiting(); }
  // Whether somebody polls, or will do so next.
  bool HasLeader() const { return leader_ != nullptr; }
  // Whether the calling thread is at one of an executor's tasks, and there are more to begin.
  bool RunsOneOfMany() const { return ExecutorHasMore() && executor_->RunsHere(); }

 private:
  // A pool thread's state.
  struct Worker {
    Loop* loop = nullptr;
    const ThreadWatch watch;
    std::atomic<TaskHistory*> running = nullptr;
    TaskBatch batch;
    NextTask next;
    int in_a_row = 0;  // tasks that were next
  };
  using Lock = std::unique_lock<std::mutex>;
  static thread_local Worker* current_worker_;
  // The loop whose events this thread is handling.
  static thread_local Loop* dispatching_;

  void WorkerMain();
  void Lead(Lock& lock, Worker& self);
  void Monitor(Lock& lock, Worker& self);
  struct Suspicion;
  // Whether the leader, who is at one task since the monitor looked, lacks nothing but a core. Gives up
  // the lock meanwhile.
  bool LacksCore(Lock& lock, Suspicion& suspicion);
  void TakeLead();
  // One task that is not the leader's.
  void Run(Lock& lock, Worker& self, LoopTask task);
  // The leader runs all quick tasks that there are.
  void RunQuickTasks(Lock& lock, Worker& self);
  // And what has waited for them for too long.
  void SettleOverdue(Worker& self);
  void RunNextTasks(Worker& self);
  void SettleAfterLead(Lock& lock);
  // Whether `task` will run right after the one that the calling thread is at.
  bool PostNext(absl::AnyInvocable<void()>& task, TaskHistory* history);
  // What was to run there may be run by anybody.
  void GiveTasksAway(Worker& worker);
  bool HasIdleCore() const;
  // Handles events until there is something else to do for the leader, or no more come. `waits`: for the
  // first, if there is none.
  void Poll(Lock& lock, bool waits = true);
  // The leader is to look, after the event that it handles, at what has changed under the lock.
  void AskLeader() { leader_is_asked_.store(true, std::memory_order_relaxed); }
  void Release(Sleeper& sleeper);

  // The pool thread that is about to block makes room for another, and comes back.
  void EnterBlocked(Worker& worker);
  void LeaveBlocked(Worker& worker);

  bool CanLead() const { return source_ != nullptr && !source_ended_; }
  bool PoolMustLead() const { return interest_ > 0 || pool_leads_ || stopping_; }
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
  // The leader is at a task, and runs all quick ones itself before it polls; two threads that go from
  // quick task to quick task get in each other's way. The monitor sees to it if one is slow.
  bool LeaderRunsTasks() const { return leader_runs_.load(std::memory_order_relaxed); }
  bool HasTasksForOthers() const {
    return !slow_.empty() || (!quick_.empty() && !LeaderRunsTasks());
  }
  void CountStep() {
    steps_.store(steps_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  void SetLeaderRuns(bool runs) { leader_runs_.store(runs, std::memory_order_relaxed); }
  void PassLead();
  // Gets one more pool thread going. False if there is none to be had.
  bool WakeWorker();
  // Makes sure that the monitor looks at least this often.
  using Watch = LookPace::Watch;
  void WakeMonitor(Watch least);

  EventSource* const source_;
  const Limits limits_;
  const std::shared_ptr<ExecutorQueue> executor_;

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
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_LOOP_H_
