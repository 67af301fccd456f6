#include "src/exchange/executor_queue.h"

#include <utility>

namespace parley::detail {
namespace {

// After so many tasks the application's own, which wait in the executor, have their turn.
constexpr int kMostAtOnce = 64;

}  // namespace

thread_local const ExecutorQueue* ExecutorQueue::runs_here_ = nullptr;
thread_local bool ExecutorQueue::blocks_here_ = false;
thread_local const ExecutorQueue* ExecutorQueue::asks_here_ = nullptr;

class ExecutorQueue::Run {
 public:
  explicit Run(std::weak_ptr<ExecutorQueue> queue) : queue_(std::move(queue)) {}
  Run(Run&&) noexcept = default;
  ~Run() {
    if (const std::shared_ptr<ExecutorQueue> queue = queue_.lock()) queue->Dropped();
  }
  void operator()() {
    if (const std::shared_ptr<ExecutorQueue> queue = std::exchange(queue_, {}).lock()) {
      queue->RunSome();
    }
  }

 private:
  std::weak_ptr<ExecutorQueue> queue_;  // which has the executor, which has this
};

bool ExecutorQueue::NoteBlocks() {
  if (!RunsQuicklyHere()) return false;
  blocks_here_ = true;
  --quick_;
  return true;
}

void ExecutorQueue::Post(absl::Span<Task> tasks) {
  Lock lock(mutex_);
  for (Task& task : tasks) tasks_.Push(std::move(task));
  unfinished_ += tasks.size();
  waiting_ += tasks.size();
  if (!asked_) AskForThread(lock);
}

void ExecutorQueue::AskForThread(Lock& lock) {
  asked_ = true;
  lock.unlock();
  executor_->Post(Run(weak_from_this()));
  lock.lock();
}

void ExecutorQueue::RunSome() {
  Lock lock(mutex_);
  asked_ = false;
  // The executor runs tasks inside Post, and the one who posted is about to run these.
  if (asks_here_ == this) return;
  ++running_;
  do {
    for (int i = 0; i < kMostAtOnce && !tasks_.empty(); ++i) {
      Task task = tasks_.Pop();
      --waiting_;
      // The task may block until one of those that wait has run.
      AskForAnother(lock);
      lock.unlock();
      const ExecutorQueue* const outer = std::exchange(runs_here_, this);
      const bool outer_blocks = std::exchange(blocks_here_, false);
      ++quick_;
      task();
      task = nullptr;
      NoteBlocks();  // or else it has ended
      runs_here_ = outer;
      blocks_here_ = outer_blocks;
      lock.lock();
      --unfinished_;
    }
    AskForAnother(lock);
  } while (!tasks_.empty() && !asked_);
  --running_;
}

void ExecutorQueue::AskForAnother(Lock& lock) {
  if (tasks_.empty() || asked_) return;
  const ExecutorQueue* const outer = std::exchange(asks_here_, this);
  AskForThread(lock);
  asks_here_ = outer;
}

void ExecutorQueue::Dropped() {
  Fifo<Task> dropped;
  Lock lock(mutex_);
  asked_ = false;
  // Whoever still runs goes on, and asks again.
  if (running_ == 0) {
    dropped = std::exchange(tasks_, {});
    unfinished_ = 0;
    waiting_ = 0;
  }
  lock.unlock();
}

}  // namespace parley::detail
