#include "src/exchange/control.h"

#include <algorithm>

namespace parley::detail {
namespace {

constexpr absl::Duration kLongestSleep = absl::Hours(1);

}  // namespace

Control::~Control() {
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

Control::Timer Control::At(absl::Time time, absl::AnyInvocable<void()> action) {
  std::unique_lock lock(mutex_);
  const Timer timer(time, next_++);
  timers_.emplace(timer, std::move(action));
  if (!thread_.joinable()) {
    thread_ = std::thread([this] { Main(); });
  } else if (time < sleeps_until_) {
    // Timers are mostly cancelled: one that is later than what the thread waits for costs no
    // wake-up.
    wake_.notify_one();
  }
  return timer;
}

void Control::Cancel(Timer timer) {
  std::map<Timer, absl::AnyInvocable<void()>>::node_type dropped;
  std::unique_lock lock(mutex_);
  dropped = timers_.extract(timer);
  lock.unlock();  // what the action holds may be the last of its kind
}

bool Control::OnThread() const {
  std::unique_lock lock(mutex_);
  return thread_.get_id() == std::this_thread::get_id();
}

void Control::Main() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const absl::Time now = absl::Now();
    const absl::Time next = timers_.empty() ? absl::InfiniteFuture() : timers_.begin()->first.first;
    if (next > now) {
      sleeps_until_ = std::min(next, now + kLongestSleep);
      wake_.wait_for(lock, absl::ToChronoNanoseconds(sleeps_until_ - now));
      sleeps_until_ = absl::InfinitePast();
      continue;
    }
    auto due = timers_.extract(timers_.begin());
    lock.unlock();
    due.mapped()();
    due = {};
    lock.lock();
  }
}

}  // namespace parley::detail
