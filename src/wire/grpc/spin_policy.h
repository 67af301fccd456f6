// Whether a thread that finds no event asks over and over before it sleeps. To sleep and be woken
// takes 5 us of CPU time and more of waiting, on a virtual machine several times that; an event that
// comes soon is had earlier by asking, for about as much. One that does not come is asked for in vain,
// so the more often that happened, the more waits sleep at once before one spins again.
//
// Who was busy for a while before the wait asks for as long, since what it waits for is probably as
// large. And a large message moves while its sender and its receiver ask: as long as it does, they go
// on, where each would be woken several times.
// docs/decisions/0008-spin-before-sleeping.md has the figures.
#ifndef PARLEY_SRC_WIRE_GRPC_SPIN_POLICY_H_
#define PARLEY_SRC_WIRE_GRPC_SPIN_POLICY_H_

#include <algorithm>
#include <chrono>
#include <utility>

#include "src/exchange/backoff.h"

namespace parley::detail {

class SpinPolicy {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;

  // How long to ask. At least twice what the answer to a quick call takes on one machine.
  static constexpr std::chrono::microseconds kShortest{50};
  static constexpr std::chrono::microseconds kLongest{200};
  // To ask in vain takes a microsecond, or more on a slow machine and under a tracer. What takes longer
  // than this, and several times the quickest, has read or written; what takes longer than kSwitch was
  // interrupted by somebody who wants the core.
  static constexpr std::chrono::microseconds kMove{5};
  static constexpr int kMoveFactor = 4;
  static constexpr std::chrono::microseconds kSwitch{500};

  // For each wait, once. A wait that sleeps ends with Slept, one that spins when Asked says so.
  bool ShouldSpin(Time now) {
    if (!sleeps_.MayTry()) return false;
    asked_ = now;
    end_ = now + std::clamp<Clock::duration>(now - waited_, kShortest, kLongest);
    return true;
  }
  // After each time: whether to ask again.
  bool Asked(bool came, Time now) {
    const Clock::duration took = now - std::exchange(asked_, now);
    quickest_ = std::min(quickest_, took);
    if (took > kSwitch) {
      end_ = now;
    } else if (took > kMove && took / kMoveFactor > quickest_) {
      end_ = std::max(end_, now + kShortest) + took;
    }
    if (!came && now < end_) return true;
    came ? sleeps_.Succeeded() : sleeps_.Failed();
    waited_ = now;
    return false;
  }
  void Slept(Time now) { waited_ = now; }

 private:
  Time waited_;  // when the last wait ended
  Time asked_;
  Clock::duration quickest_ = Clock::duration::max();  // to ask
  Time end_;
  Backoff sleeps_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_GRPC_SPIN_POLICY_H_
