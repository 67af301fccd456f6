// A model that takes hardly longer for many requests than for one, behind parley's batcher. Used by the
// server.

#ifndef PARLEY_BENCH_PARLEY_SIDE_SLEEPING_MODEL_H_
#define PARLEY_BENCH_PARLEY_SIDE_SLEEPING_MODEL_H_

#include <cstddef>
#include <memory>

#include "bench.pb.h"
#include "parley/model/batcher.h"
#include "parley/parley.h"

namespace parley_bench {

// Sleeps 1 ms for each batch and 0.05 ms for each request in it, and answers with what it was asked.
// One instance; what waits when it is free makes the next batch.
//
// Lifetime: must outlive the server.
class SleepingModel {
 public:
  explicit SleepingModel(int max_batch_size);

  void Register(parley::Server& server);

 private:
  using Payload = parley::bench::v1::Payload;
  std::unique_ptr<parley::Batcher<Payload, Payload>> batcher_;
};

}  // namespace parley_bench

#endif  // PARLEY_BENCH_PARLEY_SIDE_SLEEPING_MODEL_H_
