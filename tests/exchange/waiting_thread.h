// A thread of the application that blocks in a loop until a test fires it.
#ifndef PARLEY_TESTS_EXCHANGE_WAITING_THREAD_H_
#define PARLEY_TESTS_EXCHANGE_WAITING_THREAD_H_

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "src/exchange/loop.h"
#include "tests/call/gate.h"

namespace parley::detail {

class WaitingThread {
 public:
  explicit WaitingThread(Loop& loop)
      : thread_([this, &loop] {
          Loop::Sleeper sleeper(loop);
          sleeper_ = &sleeper;
          armed_.Open();
          loop.Wait(sleeper);
          returned_.Open();
        }) {
    EXPECT_TRUE(armed_.Opens());
  }
  // A thread that a failed test left behind is let go.
  ~WaitingThread() {
    Fire();
    thread_.join();
  }

  // What it waits for is here. Any number of times, on any thread.
  void Fire() {
    if (!fired_.exchange(true)) sleeper_->Fire();
  }
  bool returned() const { return returned_.is_open(); }
  testing::AssertionResult Returns() { return returned_.Opens(); }
  std::thread::id id() const { return thread_.get_id(); }

 private:
  Loop::Sleeper* sleeper_ = nullptr;
  std::atomic<bool> fired_ = false;
  call_test::Gate armed_;
  call_test::Gate returned_;
  std::thread thread_;
};

}  // namespace parley::detail

#endif  // PARLEY_TESTS_EXCHANGE_WAITING_THREAD_H_
