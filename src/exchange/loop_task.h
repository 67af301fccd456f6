#ifndef PARLEY_SRC_EXCHANGE_LOOP_TASK_H_
#define PARLEY_SRC_EXCHANGE_LOOP_TASK_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "src/exchange/fifo.h"

namespace parley::detail {

// What is known of one kind of task: whether it has kept the leader too long lately.
struct TaskHistory : std::enable_shared_from_this<TaskHistory> {
  std::atomic<int> slow = 0;
};

// Something for a loop to run.
struct LoopTask {
  LoopTask() = default;
  LoopTask(absl::AnyInvocable<void()>&& what, TaskHistory* of)
      : run(std::move(what)), history(of) {}
  absl::AnyInvocable<void()> run;
  TaskHistory* history = nullptr;
};

// The quick tasks that the leader has taken, to run them one after another without the lock. The leader
// fills and empties it; whoever takes the lead meanwhile takes what has not begun.
class TaskBatch {
 public:
  // Under the loop's lock.
  // REQUIRES: it has been cleared
  void Fill(Fifo<LoopTask>& tasks) {
    tasks_.Swap(tasks);
    next_.store(0, std::memory_order_release);
  }
  // Null if there is none.
  LoopTask* Next() {
    const std::size_t next = next_.fetch_add(1, std::memory_order_acq_rel);
    return next < tasks_.size() ? &tasks_[next] : nullptr;
  }
  // Moves what has not begun to the front of `tasks`. Under the loop's lock.
  void TakeRest(Fifo<LoopTask>& tasks) {
    const std::size_t next = next_.exchange(kNone, std::memory_order_acq_rel);
    for (std::size_t i = tasks_.size(); i > next; --i) tasks.PushFirst(std::move(tasks_[i - 1]));
  }
  // Under the loop's lock, after the last task.
  void Clear() { tasks_.Clear(); }

 private:
  static constexpr std::size_t kNone = ~std::size_t{0} / 2;

  Fifo<LoopTask> tasks_;
  std::atomic<std::size_t> next_ = kNone;
};

// What the leader's task has posted, to be run right after it: without the lock, and while what it is
// about is in the caches. The leader fills it; the leader runs it where it lies, or the monitor that takes
// the lead takes it away.
class NextTask {
 public:
  bool IsFree() const { return state_.load(std::memory_order_acquire) == kFree; }
  // REQUIRES: IsFree()
  void Put(absl::AnyInvocable<void()>&& run, TaskHistory* history) {
    tasks_[place_].run = std::move(run);
    tasks_[place_].history = history;
    state_ = kThere;
  }
  // The leader's: the task, or null. It may post the next while it runs; whoever has run it clears it.
  LoopTask* Claim() {
    State there = kThere;
    if (state_.load(std::memory_order_relaxed) != kThere) return nullptr;
    if (!state_.compare_exchange_strong(there, kFree)) return nullptr;
    LoopTask* const task = &tasks_[place_];
    place_ = 1 - place_;
    return task;
  }
  // Anybody's.
  std::optional<LoopTask> Take() {
    State there = kThere;
    if (!state_.compare_exchange_strong(there, kTaken)) return std::nullopt;
    std::optional<LoopTask> task = std::move(tasks_[place_]);
    state_.store(kFree, std::memory_order_release);
    return task;
  }

 private:
  enum State { kFree, kThere, kTaken };
  std::atomic<State> state_ = kFree;
  LoopTask tasks_[2];      // that runs, and that is next
  std::size_t place_ = 0;  // of the next; the leader changes it while there is none
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_LOOP_TASK_H_
