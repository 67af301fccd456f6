#ifndef PARLEY_SRC_EXCHANGE_BACKOFF_H_
#define PARLEY_SRC_EXCHANGE_BACKOFF_H_

#include <algorithm>

namespace parley::detail {

// How many occasions to let pass before something is tried again that did not pay: 2 after a failure, then
// 4, up to 64. Each success halves that.
class Backoff {
 public:
  static constexpr int kMost = 64;

  // On each occasion: whether to try.
  bool MayTry() {
    if (left_ == 0) return true;
    --left_;
    return false;
  }
  void Succeeded() {
    pause_ = std::max(pause_ / 2, 1);
    left_ = 0;
  }
  void Failed() { left_ = pause_ = std::min(2 * pause_, kMost); }
  void FailedBadly() { left_ = pause_ = kMost; }

 private:
  int pause_ = 1;
  int left_ = 0;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_BACKOFF_H_
