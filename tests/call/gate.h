// What a test waits for instead of letting time pass: an event that some thread reports. Every wait
// ends after kPatience at the latest and then says what did not happen. For the tests of calls.
#ifndef PARLEY_TESTS_CALL_GATE_H_
#define PARLEY_TESTS_CALL_GATE_H_

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

namespace parley::call_test {

// Longer than anything takes on a busy machine under a sanitizer, shorter than a test's timeout.
inline constexpr std::chrono::seconds kPatience{20};

// Something that happens once.
class Gate {
 public:
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

  bool is_open() const {
    const std::lock_guard lock(mutex_);
    return open_;
  }

  // Blocks until it has happened; a failure if it does not.
  testing::AssertionResult Opens(std::chrono::seconds patience = kPatience) {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, patience, [&] { return open_; })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << "did not happen within " << patience.count() << " s";
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

// Something that happens several times.
class Counter {
 public:
  // Returns how often it has happened, this time included.
  int Add() {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
    return ++count_;
  }

  int value() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }

  // Blocks until it has happened `count` times.
  testing::AssertionResult Reaches(int count, std::chrono::seconds patience = kPatience) {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, patience, [&] { return count_ >= count; })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << "happened " << count_ << " times of " << count
                                       << " within " << patience.count() << " s";
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

// A value that another thread comes up with, once.
template <class T>
class Slip {
 public:
  void Put(T value) {
    const std::lock_guard lock(mutex_);
    if (value_) ADD_FAILURE() << "a second result where there can be only one";
    value_.emplace(std::move(value));
    changed_.notify_all();
  }

  bool is_there() const {
    const std::lock_guard lock(mutex_);
    return value_.has_value();
  }

  // Blocks until the value is there. Without one the test fails, and this returns `otherwise`.
  T Take(T otherwise) {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, kPatience, [&] { return value_.has_value(); })) {
      return std::move(*value_);
    }
    ADD_FAILURE() << "no result within " << kPatience.count() << " s";
    return otherwise;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<T> value_;
};

// Blocks until `stop` is requested.
inline testing::AssertionResult StopRequested(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  const auto never = [] { return false; };
  changed.wait_for(lock, stop, kPatience, never);
  if (stop.stop_requested()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "no stop within " << kPatience.count() << " s";
}

}  // namespace parley::call_test

#endif  // PARLEY_TESTS_CALL_GATE_H_
