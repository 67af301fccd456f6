#include "src/wire/grpc/completion_source.h"

#include <grpc/support/time.h>

#include <chrono>
#include <thread>

namespace parley::detail {
namespace {

// With one core, whoever spins keeps the peer from answering.
bool HasCoreToSpare() {
  static const bool has = std::thread::hardware_concurrency() > 1;
  return has;
}

}  // namespace

EventSource::Polled CompletionSource::Poll() {
  void* tag = nullptr;
  bool ok = false;
  if (!Spin(&tag, &ok) && !queue_->Next(&tag, &ok)) return Polled::kShutdown;
  started_.fetch_sub(1, std::memory_order_acq_rel);
  static_cast<Operation*>(tag)->Done(ok);
  return Polled::kEvent;
}

bool CompletionSource::Spin(void** tag, bool* ok) {
  using Clock = std::chrono::steady_clock;
  const auto ask = [&] { return queue_->AsyncNext(tag, ok, gpr_inf_past(GPR_CLOCK_MONOTONIC)); };
  if (!HasCoreToSpare()) return false;
  // One that is there already was not waited for.
  grpc::CompletionQueue::NextStatus status = ask();
  if (status == grpc::CompletionQueue::TIMEOUT && spin_policy_.ShouldSpin()) {
    const Clock::time_point end = Clock::now() + SpinPolicy::kSpin;
    do {
      status = ask();
    } while (status == grpc::CompletionQueue::TIMEOUT && Clock::now() < end);
    spin_policy_.Spun(status == grpc::CompletionQueue::GOT_EVENT);
  }
  return status == grpc::CompletionQueue::GOT_EVENT;
}

void CompletionSource::Wake() {
  if (woken_.pending.exchange(true)) return;
  Started();
  alarm_.Set(queue_.get(), gpr_time_0(GPR_CLOCK_REALTIME), static_cast<Operation*>(&woken_));
}

}  // namespace parley::detail
