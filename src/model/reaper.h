// Frees what must not be freed by the thread that lets go of it last, on a thread of its own.
#ifndef PARLEY_SRC_MODEL_REAPER_H_
#define PARLEY_SRC_MODEL_REAPER_H_

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace parley::detail {

// Threads:  safe.
// Lifetime: the destructor blocks until everything is freed.
template <class T>
class Reaper {
 public:
  ~Reaper() {
    {
      std::unique_lock lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
  }

  // Counted references to `object`, which this frees.
  std::shared_ptr<T> Share(std::unique_ptr<T> object) {
    std::unique_lock lock(mutex_);
    if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
    ++alive_;
    lock.unlock();
    return std::shared_ptr<T>(object.release(), [this](T* dead) {
      std::unique_lock dead_lock(mutex_);
      dead_.emplace_back(dead);
      changed_.notify_all();
    });
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (!stopping_ || alive_ > 0) {
      changed_.wait(lock, [this] { return !dead_.empty() || (stopping_ && alive_ == 0); });
      std::vector<std::unique_ptr<T>> dead = std::exchange(dead_, {});
      lock.unlock();
      const std::size_t count = dead.size();
      dead.clear();
      lock.lock();
      alive_ -= count;
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<T>> dead_;
  std::size_t alive_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_MODEL_REAPER_H_
