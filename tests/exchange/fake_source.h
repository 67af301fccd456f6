// A source of events for a loop without a network: a queue that tests fill. It keeps account of who
// polls, and fails the test if two threads do at once.
#ifndef PARLEY_TESTS_EXCHANGE_FAKE_SOURCE_H_
#define PARLEY_TESTS_EXCHANGE_FAKE_SOURCE_H_

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "src/exchange/loop.h"
#include "tests/call/gate.h"

namespace parley::detail {

class FakeSource final : public EventSource {
 public:
  using Event = absl::AnyInvocable<void()>;

  // An operation was started whose event is to come.
  void Start() {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(shut_down_ && started_ == 0) << "an operation is started after the end";
    ++started_;
  }
  // The event of an operation; whoever polls runs it.
  void Deliver(Event event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    changed_.notify_all();
  }
  void StartAndDeliver(Event event) {
    Start();
    Deliver(std::move(event));
  }

  Polled Poll(Wait wait) override {
    std::unique_lock lock(mutex_);
    const bool waits = wait == Wait::kAsleep || wait == Wait::kEagerly;
    if (!waits && events_.empty() && !woken_ && !Over()) return Polled::kNothing;
    EXPECT_EQ(polling_, std::thread::id()) << "two threads poll at once";
    polling_ = std::this_thread::get_id();
    pollers_.insert(polling_);
    changed_.notify_all();
    changed_.wait(lock, [&] { return !events_.empty() || woken_ || Over(); });
    polling_ = {};
    if (!events_.empty()) {
      Event event = std::move(events_.front());
      events_.pop_front();
      --started_;
      lock.unlock();
      event();
      return Polled::kEvent;
    }
    if (std::exchange(woken_, false)) return Polled::kEvent;
    ended_ = true;
    return Polled::kShutdown;
  }

  void Wake() override {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    ++wakes_;
    changed_.notify_all();
  }

  bool Settle() override {
    std::unique_lock lock(mutex_);
    absl::AnyInvocable<bool()> settle = std::exchange(settle_, nullptr);
    lock.unlock();
    return settle != nullptr && settle();
  }
  bool Overdue() const override {
    const std::lock_guard lock(mutex_);
    return overdue_ && settle_ != nullptr;
  }
  // What the next Settle does and returns. `overdue`: it has waited for too long.
  void OnSettle(absl::AnyInvocable<bool()> settle, bool overdue = false) {
    const std::lock_guard lock(mutex_);
    settle_ = std::move(settle);
    overdue_ = overdue;
  }

  void Shutdown() override {
    const std::lock_guard lock(mutex_);
    shut_down_ = true;
    changed_.notify_all();
  }

  bool Busy() const override {
    const std::lock_guard lock(mutex_);
    return started_ > 0 || woken_;
  }

  // Blocks until `thread` waits in Poll.
  testing::AssertionResult PolledBy(std::thread::id thread) {
    return Await([&] { return polling_ == thread; }, "the thread does not poll");
  }
  // Blocks until Wake was called.
  testing::AssertionResult IsWoken() {
    return Await([&] { return wakes_ > 0; }, "nobody woke the poller");
  }
  // Blocks until some thread waits in Poll.
  testing::AssertionResult SomebodyPolls() {
    return Await([&] { return polling_ != std::thread::id(); }, "nobody polls");
  }

  std::set<std::thread::id> pollers() const {
    const std::lock_guard lock(mutex_);
    return pollers_;
  }
  bool ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
  }

 private:
  bool Over() const { return shut_down_ && started_ == 0; }

  template <class Condition>
  testing::AssertionResult Await(Condition condition, const char* otherwise) {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, call_test::kPatience, condition)) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << otherwise;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Event> events_;
  int started_ = 0;
  bool woken_ = false;
  int wakes_ = 0;
  absl::AnyInvocable<bool()> settle_;
  bool overdue_ = false;
  bool shut_down_ = false;
  bool ended_ = false;
  std::thread::id polling_;
  std::set<std::thread::id> pollers_;
};

}  // namespace parley::detail

#endif  // PARLEY_TESTS_EXCHANGE_FAKE_SOURCE_H_
