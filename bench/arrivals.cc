// Waiting for the next arrival: see arrivals.h.

#include "arrivals.h"

#include <sys/prctl.h>

#include <cerrno>
#include <ctime>

#include "latencies.h"

namespace parley_bench {

Arrivals::Arrivals(double per_second) : gap_seconds_(per_second), start_(NowNanoseconds()) {
  // By default the kernel adds up to 50 us to this thread's sleeps, which is more than most gaps.
  prctl(PR_SET_TIMERSLACK, 1UL);
}

std::int64_t Arrivals::WaitForNext() {
  offset_seconds_ += gap_seconds_(random_);
  const std::int64_t due = start_ + static_cast<std::int64_t>(offset_seconds_ * 1e9);
  if (NowNanoseconds() < due) {
    const timespec until{.tv_sec = due / 1'000'000'000, .tv_nsec = due % 1'000'000'000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
    }
  }
  return due;
}

}  // namespace parley_bench
