// Threads of the application's that run what an executor is given.
#ifndef PARLEY_TESTS_CALL_THREAD_EXECUTOR_H_
#define PARLEY_TESTS_CALL_THREAD_EXECUTOR_H_

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "parley/executor.h"

namespace parley::call_test {

// Runs all tasks that it was given. Its last owner may let go on one of its own threads, as a client or server
// does whose last task runs there.
class ThreadExecutor final : public Executor {
 public:
  explicit ThreadExecutor(int threads = 1) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([queue = queue_] { queue->Run(); });
  }
  ~ThreadExecutor() override {
    queue_->End();
    for (std::thread& thread : threads_) {
      thread.get_id() == std::this_thread::get_id() ? thread.detach() : thread.join();
    }
  }
  void Post(absl::AnyInvocable<void()> task) override { queue_->Post(std::move(task)); }
  // The first one.
  std::thread::id thread() const { return threads_.front().get_id(); }
  bool Runs(std::thread::id thread) const {
    return std::any_of(threads_.begin(), threads_.end(),
                       [&](const std::thread& own) { return own.get_id() == thread; });
  }

 private:
  // Kept by the threads.
  class Queue {
   public:
    void Post(absl::AnyInvocable<void()> task) {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
      wake_.notify_one();
    }
    void End() {
      const std::lock_guard lock(mutex_);
      ended_ = true;
      wake_.notify_all();
    }
    void Run() {
      std::unique_lock lock(mutex_);
      while (true) {
        wake_.wait(lock, [this] { return ended_ || !tasks_.empty(); });
        if (tasks_.empty()) return;
        absl::AnyInvocable<void()> task = std::move(tasks_.front());
        tasks_.pop_front();
        lock.unlock();
        task();
        task = nullptr;
        lock.lock();
      }
    }

   private:
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<absl::AnyInvocable<void()>> tasks_;
    bool ended_ = false;
  };

  const std::shared_ptr<Queue> queue_ = std::make_shared<Queue>();
  std::vector<std::thread> threads_;
};

}  // namespace parley::call_test

#endif  // PARLEY_TESTS_CALL_THREAD_EXECUTOR_H_
