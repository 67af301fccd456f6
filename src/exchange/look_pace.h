// How often a loop's monitor looks at the leader. A look takes a core from whoever has it, so that
// looks become fewer where they find nothing new.
#ifndef PARLEY_SRC_EXCHANGE_LOOK_PACE_H_
#define PARLEY_SRC_EXCHANGE_LOOK_PACE_H_

#include <chrono>

namespace parley::detail {

class LookPace {
 public:
  enum class Watch { kAsleep, kSeldom, kOften };
  // At rest it is not in a task, and has the monitor woken before it begins one.
  enum class Leader { kNone, kAtRest, kInTask };
  using Time = std::chrono::microseconds;

  // A task that a look finds is glanced at once more: if it still runs then, it is slow.
  static constexpr Time kGlance{200};

  Time UntilNextLook(Watch watch) const {
    if (watch == Watch::kAsleep) return std::chrono::hours(1);
    if (watch == Watch::kSeldom) return std::chrono::milliseconds(10);
    return glances_ ? kGlance : tick_;
  }

  // Watching often, the leader was found to go from task to task. While that is all that looks
  // find, the tick grows.
  void FoundWork(bool in_task) {
    quiet_ = 0;
    NoteTask(in_task);
    if (tick_ == kLongestTick || ++calm_ < kCalmLooks) return;
    calm_ = 0;
    tick_ *= 2;
  }
  // Any other look. Returns how to watch from now on: less often after many looks without news, and not
  // at all while a leader rests that has rested for long before.
  Watch Found(Leader leader, bool news, Watch watch) {
    quiet_ = news ? 0 : quiet_ + 1;
    NoteTask(leader == Leader::kInTask);
    const bool quiet = quiet_ > kQuietLooks;
    if (watch == Watch::kAsleep || !(quiet || DozesWith(leader))) return watch;
    quiet_ = 0;
    if (leader == Leader::kAtRest) return Watch::kAsleep;
    return watch == Watch::kOften ? Watch::kSeldom : Watch::kAsleep;
  }
  bool DozesWith(Leader leader) const { return rests_long_ && leader == Leader::kAtRest; }
  // Woken to watch more often, after a sleep of this long.
  void Woken(std::chrono::nanoseconds slept) {
    *this = LookPace();
    rests_long_ = slept > kLongRest;
  }
  // A task that a look has found twice may not be slow after all.
  void LookAgainSoon() { glances_ = true; }

 private:
  static constexpr Time kTick{800};
  static constexpr Time kLongestTick = 4 * kTick;
  static constexpr int kCalmLooks = 100;
  static constexpr int kQuietLooks = 2;
  // To look on beside a leader that rests for longer costs more than to be woken when it is done.
  static constexpr Time kLongRest = (kQuietLooks + 1) * kTick;
  void NoteTask(bool in_task) { glances_ = in_task && !glances_; }

  Time tick_ = kTick;
  bool glances_ = false;
  int calm_ = 0;
  int quiet_ = 0;
  bool rests_long_ = false;  // the leader, since it did the last time
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_LOOK_PACE_H_
