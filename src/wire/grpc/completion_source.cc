#include "src/wire/grpc/completion_source.h"

#include <grpc/support/time.h>

namespace parley::detail {

EventSource::Polled CompletionSource::Poll() {
  void* tag = nullptr;
  bool ok = false;
  if (!queue_->Next(&tag, &ok)) return Polled::kShutdown;
  started_.fetch_sub(1, std::memory_order_acq_rel);
  static_cast<Operation*>(tag)->Done(ok);
  return Polled::kEvent;
}

void CompletionSource::Wake() {
  if (woken_.pending.exchange(true)) return;
  Started();
  alarm_.Set(queue_.get(), gpr_time_0(GPR_CLOCK_REALTIME), static_cast<Operation*>(&woken_));
}

}  // namespace parley::detail
