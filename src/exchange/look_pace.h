// How often a loop's monitor looks at the leader. A look takes a core from whoever has it, so that
// looks become fewer where they find nothing new.
#ifndef PARLEY_SRC_EXCHANGE_LOOK_PACE_H_
#define PARLEY_SRC_EXCHANGE_LOOK_PACE_H_

#include <chrono>

namespace parley::detail {

class LookPace {
 public:
  enum class Watch { kAsleep, kSeldom, kOften };
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
  // Any other look. Returns how to watch from now on: less often after many looks without news.
  Watch Found(bool in_task, bool news, Watch watch) {
    quiet_ = news ? 0 : quiet_ + 1;
    NoteTask(in_task);
    if (quiet_ <= kQuietLooks || watch == Watch::kAsleep) return watch;
    quiet_ = 0;
    return watch == Watch::kOften ? Watch::kSeldom : Watch::kAsleep;
  }
  // A task that a look has found twice may not be slow after all.
  void LookAgainSoon() { glances_ = true; }

 private:
  static constexpr Time kTick{800};
  static constexpr Time kLongestTick = 4 * kTick;
  static constexpr int kCalmLooks = 100;
  static constexpr int kQuietLooks = 2;
  void NoteTask(bool in_task) { glances_ = in_task && !glances_; }

  Time tick_ = kTick;
  bool glances_ = false;
  int calm_ = 0;
  int quiet_ = 0;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_LOOK_PACE_H_
