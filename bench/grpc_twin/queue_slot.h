// What a completion-queue server's queue hands back. Used by queue_server.cc and its kinds of calls.

#ifndef PARLEY_BENCH_GRPC_TWIN_QUEUE_SLOT_H_
#define PARLEY_BENCH_GRPC_TWIN_QUEUE_SLOT_H_

namespace parley_bench {

// One call that waits for its next event.
class Slot {
 public:
  virtual ~Slot() = default;
  virtual void Arm() = 0;
  virtual void Proceed(bool ok) = 0;
};

}  // namespace parley_bench

#endif  // PARLEY_BENCH_GRPC_TWIN_QUEUE_SLOT_H_
