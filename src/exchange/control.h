// The control thread of one client or server: timers and stop requests, nothing else, so that
// neither waits for user code but stop callbacks.
#ifndef PARLEY_SRC_EXCHANGE_CONTROL_H_
#define PARLEY_SRC_EXCHANGE_CONTROL_H_

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace parley::detail {

class Control {
 public:
  using Timer = std::pair<absl::Time, std::uint64_t>;

  Control() = default;
  // Drops what has not run, and ends the thread.
  // REQUIRES: not called on the control thread.
  ~Control();

  // Runs `action` at `time` on the control thread, which starts when first needed.
  Timer At(absl::Time time, absl::AnyInvocable<void()> action);
  void Post(absl::AnyInvocable<void()> action) { At(absl::InfinitePast(), std::move(action)); }
  // Forgets the timer if it has not begun; never waits.
  void Cancel(Timer timer);
  bool OnThread() const;

 private:
  void Main();

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<Timer, absl::AnyInvocable<void()>> timers_;
  std::uint64_t next_ = 0;
  bool stopping_ = false;
  absl::Time sleeps_until_ = absl::InfinitePast();  // while the thread waits
  std::thread thread_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_CONTROL_H_
