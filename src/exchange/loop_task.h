#ifndef PARLEY_SRC_EXCHANGE_LOOP_TASK_H_
#define PARLEY_SRC_EXCHANGE_LOOP_TASK_H_

#include <atomic>
#include <optional>
#include <utility>

#include "absl/functional/any_invocable.h"

namespace parley::detail {

// What is known of one kind of task: whether it has kept the leader too long lately.
struct TaskHistory {
  std::atomic<int> slow = 0;
};

// Something for a loop to run.
struct LoopTask {
  absl::AnyInvocable<void()> run;
  TaskHistory* history;
};

// What the leader's task has posted, to be run right after it: without the lock, and while what it is
// about is in the caches. The leader fills it; the leader, or the monitor that takes the lead, empties
// it.
class NextTask {
 public:
  bool IsFree() const { return state_.load(std::memory_order_acquire) == kFree; }
  // REQUIRES: IsFree()
  void Put(LoopTask&& task) {
    task_ = std::move(task);
    state_ = kThere;
  }
  std::optional<LoopTask> Take() {
    State there = kThere;
    if (!state_.compare_exchange_strong(there, kTaken)) return std::nullopt;
    std::optional<LoopTask> task = std::move(task_);
    state_.store(kFree, std::memory_order_release);
    return task;
  }

 private:
  enum State { kFree, kThere, kTaken };
  std::atomic<State> state_ = kFree;
  LoopTask task_{};
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_LOOP_TASK_H_
