#include "src/wire/grpc/completion_source.h"

#include <grpc/support/time.h>

namespace parley::detail {

EventSource::Polled CompletionSource::Poll(absl::Time deadline) {
  void* tag = nullptr;
  bool ok = false;
  grpc::CompletionQueue::NextStatus status;
  if (deadline == absl::InfiniteFuture()) {
    status = queue_->AsyncNext(&tag, &ok, gpr_inf_future(GPR_CLOCK_REALTIME));
  } else {
    status = queue_->AsyncNext(&tag, &ok, absl::ToChronoTime(deadline));
  }
  switch (status) {
    case grpc::CompletionQueue::SHUTDOWN:
      return Polled::kShutdown;
    case grpc::CompletionQueue::TIMEOUT:
      return Polled::kTimeout;
    case grpc::CompletionQueue::GOT_EVENT:
      started_.fetch_sub(1, std::memory_order_relaxed);
      static_cast<Operation*>(tag)->Done(ok);
      return Polled::kEvent;
  }
  return Polled::kTimeout;
}

void CompletionSource::Wake() {
  if (woken_.pending.exchange(true)) return;
  Started();
  alarm_.Set(queue_.get(), gpr_time_0(GPR_CLOCK_REALTIME), static_cast<Operation*>(&woken_));
}

}  // namespace parley::detail
