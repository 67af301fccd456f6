// Brings tasks to an application's executor, many with one task of its own: what a message has brought
// for a hundred calls wakes a thread once and not a hundred times.
#ifndef PARLEY_SRC_EXCHANGE_EXECUTOR_QUEUE_H_
#define PARLEY_SRC_EXCHANGE_EXECUTOR_QUEUE_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/types/span.h"
#include "parley/executor.h"
#include "src/exchange/fifo.h"

namespace parley::detail {

// Any thread. Tasks begin in the order in which they were posted, as far as the executor keeps its own.
// A task may take as long as it likes: while it runs and others wait, the executor has another task that
// would run those, unless it runs tasks inside Post: they run one after another there.
class ExecutorQueue : public std::enable_shared_from_this<ExecutorQueue> {
 public:
  explicit ExecutorQueue(std::shared_ptr<Executor> executor) : executor_(std::move(executor)) {}

  using Task = absl::AnyInvocable<void()>;
  void Post(Task task) { Post(absl::MakeSpan(&task, 1)); }
  void Post(absl::Span<Task> tasks);
  // A task of its own, behind what the application has posted.
  void PostAlone(Task task) { executor_->Post(std::move(task)); }

  // How many have been posted and have not ended.
  std::size_t unfinished() const { return unfinished_.load(std::memory_order_relaxed); }
  // Whether some of them have not begun and will soon, since those before them have not blocked.
  bool HasMore() const {
    return waiting_.load(std::memory_order_relaxed) > 0 &&
           quick_.load(std::memory_order_relaxed) > 0;
  }
  // Whether the calling thread is in a task.
  bool RunsHere() const { return runs_here_ == this; }
  // The same, and the task has not blocked.
  bool RunsQuicklyHere() const { return RunsHere() && !blocks_here_; }
  // The calling thread is about to wait. Returns whether it RunsQuicklyHere and does not any more.
  bool NoteBlocks();

 private:
  using Lock = std::unique_lock<std::mutex>;
  class Run;

  static thread_local const ExecutorQueue* runs_here_;
  static thread_local bool blocks_here_;                // that task, since it began
  static thread_local const ExecutorQueue* asks_here_;  // and will run what waits

  // Runs what waits, as one task of the executor.
  void RunSome();
  // The executor has destroyed a task without running it.
  void Dropped();
  // Asks the executor for another thread, with the lock held, which it gives up meanwhile.
  void AskForThread(Lock& lock);
  // For what waits, if nobody has been asked for: from a thread that goes on to run it if nobody comes.
  void AskForAnother(Lock& lock);

  const std::shared_ptr<Executor> executor_;
  std::mutex mutex_;
  Fifo<Task> tasks_;
  std::atomic<std::size_t> unfinished_ = 0;  // changed under the mutex
  std::atomic<std::size_t> waiting_ = 0;     // the same
  std::atomic<std::size_t> quick_ = 0;       // that run and have not blocked
  bool asked_ = false;                       // for a thread that has not come yet
  std::size_t running_ = 0;                  // threads
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_EXECUTOR_QUEUE_H_
