// Frees what must not be freed by the thread that lets go of it last, on a thread of its own.
#ifndef PARLEY_SRC_MODEL_REAPER_H_
#define PARLEY_SRC_MODEL_REAPER_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace parley::detail {

// Threads:  safe.
// Lifetime: the destructor blocks until everything is freed.
template <class T>
class Reaper {
 public:
  ~Reaper() {
    {
      const Lock lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
  }

  // Counted references to `object`, which this frees.
  // Blocks:   while others are freed, if that has fallen behind: whoever makes more has to help.
  std::shared_ptr<T> Share(std::unique_ptr<T> object) {
    Lock lock(mutex_);
    if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
    ++alive_;
    for (std::size_t i = 0; i < kMostHelp && dead_.size() > 1; ++i) FreeOne(lock);
    lock.unlock();
    return std::shared_ptr<T>(object.release(), [this](T* dead) {
      const Lock dead_lock(mutex_);
      dead_.emplace_back(dead);
      changed_.notify_all();
    });
  }

 private:
  using Lock = std::unique_lock<std::mutex>;
  // More than one, or what has fallen behind would stay so.
  static constexpr std::size_t kMostHelp = 2;

  // Gives up the lock meanwhile.
  void FreeOne(Lock& lock) {
    std::unique_ptr<T> dead = std::move(dead_.front());
    dead_.pop_front();
    lock.unlock();
    dead.reset();
    lock.lock();
    --alive_;
    changed_.notify_all();
  }

  void Run() {
    Lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return !dead_.empty() || (stopping_ && alive_ == 0); });
      if (dead_.empty()) return;
      FreeOne(lock);
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<T>> dead_;
  std::size_t alive_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_MODEL_REAPER_H_
