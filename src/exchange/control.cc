#include "src/exchange/control.h"

#include <algorithm>

namespace parley::detail {

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
  const auto it = timers_.emplace(timer, std::move(action)).first;
  if (!thread_.joinable()) {
    thread_ = std::thread([this] { Main(); });
  } else if (it == timers_.begin()) {
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
    if (timers_.empty()) {
      wake_.wait(lock);
      continue;
    }
    const absl::Duration wait = timers_.begin()->first.first - absl::Now();
    if (wait > absl::ZeroDuration()) {
      wake_.wait_for(lock, absl::ToChronoNanoseconds(std::min(wait, absl::Hours(1))));
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
