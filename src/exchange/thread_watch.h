// What the system knows of another thread of this process. Used by a loop's monitor, to tell a leader
// that is busy or blocked from one that only lacks a core.
#ifndef PARLEY_SRC_EXCHANGE_THREAD_WATCH_H_
#define PARLEY_SRC_EXCHANGE_THREAD_WATCH_H_

#include <sys/types.h>

#include <chrono>
#include <ctime>
#include <optional>

namespace parley::detail {

// Of the thread that makes it; a copy may be asked on any thread, and when that one has ended.
class ThreadWatch {
 public:
  ThreadWatch();

  // How long it has had a core, unless nobody can tell.
  std::optional<std::chrono::nanoseconds> CpuTime() const;
  // Whether it has a core or waits for one. If not, it is blocked, or nobody can tell.
  bool IsRunnable() const;

 private:
  pid_t thread_;
  clockid_t clock_ = CLOCK_MONOTONIC;
  bool has_clock_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_THREAD_WATCH_H_
