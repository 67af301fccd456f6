#include "src/wire/grpc/completion_source.h"

#include <grpc/support/time.h>

#include <chrono>
#include <thread>

namespace parley::detail {

EventSource::Polled CompletionSource::Poll(Wait wait) {
  void* tag = nullptr;
  bool ok = false;
  RunDeferred(Overdue() ? Pause::kOverdue : Pause::kNone);
  if (!Ask(&tag, &ok)) {
    if (wait == Wait::kNot) return Polled::kNothing;
    ++idle_times_;
    ready_in_a_row_ = 0;
    RunDeferred(Pause::kIdle);
    if (wait == Wait::kAsleep || !Spin(&tag, &ok)) {
      if (wait == Wait::kBriefly) return Polled::kNothing;
      const Next next = Sleep(&tag, &ok);
      if (next != Next::kEvent) {
        return next == Next::kNothing ? Polled::kNothing : Polled::kShutdown;
      }
      spin_policy_.Slept(SpinPolicy::Clock::now());
    }
  }
  if (++ready_in_a_row_ >= kMostReadyInARow) LookAtConnections();
  auto* const operation = static_cast<Operation*>(tag);
  Finished();
  if (operation->in_background) background_.fetch_sub(1, std::memory_order_relaxed);
  operation->Done(ok);
  return Polled::kEvent;
}

CompletionSource::~CompletionSource() {
  empty_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (empty_.Next(&tag, &ok)) {
  }
}

void CompletionSource::LookAtConnections() {
  ready_in_a_row_ = 0;
  void* tag = nullptr;
  bool ok = false;
  empty_.AsyncNext(&tag, &ok, gpr_inf_past(GPR_CLOCK_MONOTONIC));
}

bool CompletionSource::Ask(void** tag, bool* ok) {
  return queue_->AsyncNext(tag, ok, gpr_inf_past(GPR_CLOCK_MONOTONIC)) ==
         grpc::CompletionQueue::GOT_EVENT;
}

CompletionSource::Next CompletionSource::Sleep(void** tag, bool* ok) {
  waits_long_ = true;
  // Whoever puts something off from now on sees that, and wakes this thread.
  const auto since = deferred_since_.load();
  grpc::CompletionQueue::NextStatus status;
  if (since == 0) {
    status =
        queue_->Next(tag, ok) ? grpc::CompletionQueue::GOT_EVENT : grpc::CompletionQueue::SHUTDOWN;
    waits_long_ = false;
  } else {
    waits_long_ = false;
    using std::chrono::steady_clock;
    const steady_clock::duration left =
        steady_clock::duration(since) + kLongestDelay - steady_clock::now().time_since_epoch();
    const auto left_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
    status = queue_->AsyncNext(
        tag, ok,
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(left_ns, GPR_TIMESPAN)));
  }
  switch (status) {
    case grpc::CompletionQueue::GOT_EVENT:
      return Next::kEvent;
    case grpc::CompletionQueue::TIMEOUT:
      return Next::kNothing;
    case grpc::CompletionQueue::SHUTDOWN:
      return Next::kShutdown;
  }
  return Next::kShutdown;
}

bool CompletionSource::Spin(void** tag, bool* ok) {
  if (!spin_policy_.ShouldSpin(SpinPolicy::Clock::now())) return false;
  while (true) {
    const bool came = Ask(tag, ok);
    if (!spin_policy_.Asked(came, SpinPolicy::Clock::now())) return came;
    // What it waits for may need this core.
    std::this_thread::yield();
  }
}

void CompletionSource::Defer(std::shared_ptr<Deferred> work) {
  std::unique_lock lock(mutex_);
  deferred_.push_back(std::move(work));
  if (deferred_since_ != 0) return;
  deferred_since_ = running_since_ != 0
                        ? running_since_
                        : std::chrono::steady_clock::now().time_since_epoch().count();
}

bool CompletionSource::Overdue() const {
  const auto since = deferred_since_.load(std::memory_order_relaxed);
  if (since == 0) return false;
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return now - std::chrono::steady_clock::duration(since) > kLongestDelay;
}

bool CompletionSource::Settle() {
  RunDeferred(Pause::kLeaving);
  return deferred_since_ != 0;
}

void CompletionSource::RunDeferred(Pause pause) {
  if (deferred_since_ == 0) return;
  std::vector<std::shared_ptr<Deferred>> due;
  {
    std::unique_lock lock(mutex_);
    due.swap(running_);
    due.swap(deferred_);
    running_since_ = pause == Pause::kNone || pause == Pause::kIdle ? deferred_since_.load() : 0;
    deferred_since_ = 0;
  }
  for (const std::shared_ptr<Deferred>& work : due) work->RunDeferred(pause);
  due.clear();
  std::unique_lock lock(mutex_);
  running_since_ = 0;
  running_ = std::move(due);
}

void CompletionSource::Wake() {
  if (woken_.pending.exchange(true)) return;
  Started();
  alarm_.Set(queue_.get(), gpr_time_0(GPR_CLOCK_REALTIME), static_cast<Operation*>(&woken_));
}

}  // namespace parley::detail
