// An application's own threads and the executor that brings parley's tasks to them: a fixed number
// of threads and one queue. Used by client and server with --executor_threads.

#ifndef PARLEY_BENCH_PARLEY_SIDE_THREAD_POOL_H_
#define PARLEY_BENCH_PARLEY_SIDE_THREAD_POOL_H_

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "parley/executor.h"

namespace parley_bench {

// Runs tasks from its construction to its destruction, which drops those that have not begun.
//
// Threads:  safe.
class ThreadPool {
 public:
  explicit ThreadPool(int threads) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this](const std::stop_token& stop) { Run(stop); });
    }
  }
  // All are told before the first is waited for.
  ~ThreadPool() {
    for (std::jthread& thread : threads_) thread.request_stop();
  }

  void Post(absl::AnyInvocable<void()> task) {
    std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    wake_.notify_one();
  }

 private:
  void Run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (wake_.wait(lock, stop, [this] { return !tasks_.empty(); }) && !stop.stop_requested()) {
      absl::AnyInvocable<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      task = nullptr;
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<absl::AnyInvocable<void()>> tasks_;
  std::vector<std::jthread> threads_;  // last: they use all of the above
};

// Lifetime: `pool` must outlive every client and server that was given the executor.
class PoolExecutor final : public parley::Executor {
 public:
  explicit PoolExecutor(ThreadPool& pool) : pool_(pool) {}
  void Post(absl::AnyInvocable<void()> task) override { pool_.Post(std::move(task)); }

 private:
  ThreadPool& pool_;
};

// Starts `pool` with as many threads; none, and so no executor, if that is 0.
inline std::shared_ptr<parley::Executor> StartExecutor(std::optional<ThreadPool>& pool,
                                                       int threads) {
  if (threads == 0) return nullptr;
  return std::make_shared<PoolExecutor>(pool.emplace(threads));
}

}  // namespace parley_bench

#endif  // PARLEY_BENCH_PARLEY_SIDE_THREAD_POOL_H_
