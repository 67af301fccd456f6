// Whether a thread that finds no event asks over and over before it sleeps. To sleep and be woken
// takes 5 us of CPU time and more of waiting, on a virtual machine several times that; an event that
// comes soon is had earlier by asking, for about as much. One that does not come is asked for in vain,
// so the more often that happened, the more waits sleep at once before one spins again.
// docs/decisions/0008-spin-before-sleeping.md has the figures.
#ifndef PARLEY_SRC_WIRE_GRPC_SPIN_POLICY_H_
#define PARLEY_SRC_WIRE_GRPC_SPIN_POLICY_H_

#include <algorithm>
#include <chrono>

namespace parley::detail {

class SpinPolicy {
 public:
  // How long to ask. Twice what the answer to a quick call takes on one machine.
  static constexpr std::chrono::microseconds kSpin{50};
  static constexpr int kMostSleeps = 64;

  // For each wait, once: whether to spin, and if so, whether an event came meanwhile.
  bool ShouldSpin() {
    if (sleeps_left_ == 0) return true;
    --sleeps_left_;
    return false;
  }
  void Spun(bool came) {
    sleeps_ = came ? std::max(sleeps_ / 2, 1) : std::min(2 * sleeps_, kMostSleeps);
    sleeps_left_ = came ? 0 : sleeps_;
  }

 private:
  int sleeps_ = 1;
  int sleeps_left_ = 0;  // until the next spin
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_GRPC_SPIN_POLICY_H_
