#ifndef PARLEY_SRC_EXCHANGE_LIGHT_SLEEP_H_
#define PARLEY_SRC_EXCHANGE_LIGHT_SLEEP_H_

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace parley::detail {

// A sleep that ends after a time, or as soon as somebody has disturbed it since the last one.
class LightSleep {
 public:
  // Whether it was disturbed.
  bool Sleep(std::chrono::microseconds time) {
    std::unique_lock<std::mutex> lock(mutex_);
    wake_.wait_for(lock, time, [this] { return disturbed_; });
    return std::exchange(disturbed_, false);
  }
  void Disturb() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      disturbed_ = true;
    }
    // Not under the lock, for which the other one would wait at once.
    wake_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool disturbed_ = false;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_LIGHT_SLEEP_H_
