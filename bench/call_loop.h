// The books of many calls in flight, whatever makes them: which call is next, how long each took,
// and whether one failed. Used by the clients whose calls end in callbacks.

#ifndef PARLEY_BENCH_CALL_LOOP_H_
#define PARLEY_BENCH_CALL_LOOP_H_

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>

#include "absl/status/status.h"
#include "latencies.h"

namespace parley_bench {

// Counts `calls` calls, whose numbers are 0, 1, 2…
//
// Threads:  safe.
// Lifetime: once the last call is told to be done, Wait may return and the loop go: whoever got no
//           number from DoneStartNext, or has called Done, must not touch it again.
class CallLoop {
 public:
  CallLoop(std::int64_t calls, Latencies& latencies) : calls_(calls), latencies_(latencies) {}

  // The number of the next call to make, or nothing once all have been made.
  std::optional<std::uint64_t> Start() {
    std::lock_guard lock(mutex_);
    return NextLocked();
  }

  // The same, but blocks while `most` calls are in flight.
  std::optional<std::uint64_t> StartOneOf(int most) {
    std::unique_lock lock(mutex_);
    waits_for_any_ = true;
    changed_.wait(lock, [this, most] { return started_ - done_ < most; });
    waits_for_any_ = false;
    return NextLocked();
  }

  // A call that began at `start` has ended.
  void Done(std::int64_t start, const absl::Status& status) {
    const std::int64_t latency = NowNanoseconds() - start;
    std::lock_guard lock(mutex_);
    DoneLocked(latency, status);
  }

  // The same, and Start: the next call begins where this one has ended.
  struct Begun {
    std::uint64_t sequence;
    std::int64_t start;
  };
  std::optional<Begun> DoneStartNext(std::int64_t start, const absl::Status& status) {
    const std::int64_t now = NowNanoseconds();
    std::lock_guard lock(mutex_);
    DoneLocked(now - start, status);
    const std::optional<std::uint64_t> next = NextLocked();
    if (!next) return std::nullopt;
    return Begun{*next, now};
  }

  // Blocks until all calls have ended; returns the first error.
  absl::Status Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_ == calls_; });
    return error_;
  }

 private:
  void DoneLocked(std::int64_t latency, const absl::Status& status) {
    latencies_.Add(latency);
    error_.Update(status);
    // One thread waits at most, and to wake it for each call would cost more than the call.
    if (++done_ == calls_ || waits_for_any_) changed_.notify_one();
  }

  std::optional<std::uint64_t> NextLocked() {
    if (started_ == calls_) return std::nullopt;
    return static_cast<std::uint64_t>(started_++);
  }

  const std::int64_t calls_;
  Latencies& latencies_;
  std::mutex mutex_;
  std::condition_variable changed_;
  absl::Status error_;
  std::int64_t started_ = 0;
  std::int64_t done_ = 0;
  bool waits_for_any_ = false;
};

}  // namespace parley_bench

#endif  // PARLEY_BENCH_CALL_LOOP_H_
