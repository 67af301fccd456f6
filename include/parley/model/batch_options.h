// How requests to one model are put together into batches.
#ifndef PARLEY_MODEL_BATCH_OPTIONS_H_
#define PARLEY_MODEL_BATCH_OPTIONS_H_

#include <cstddef>
#include <vector>

#include "absl/time/time.h"

namespace parley {

// The terms are those of Triton's model configuration. An item is one row of a batch: a request has as
// many as its tensors' first dimension says.
struct BatchOptions {
  // Items in one batch, and so in one request, at most.
  std::size_t max_batch_size = 1;
  // Sizes at which the model works best. Where the requests that wait make one of them exactly, the
  // largest that they make runs without waiting for more.
  std::vector<std::size_t> preferred_batch_sizes = {};
  // How long a request may wait for others while a batch is not full and an instance has nothing to do.
  // Zero: whatever waits when an instance is free makes the next batch.
  absl::Duration max_queue_delay = absl::ZeroDuration();

  // Batches that run at the same time, each on a thread of its own.
  std::size_t instances = 1;

  // Levels of priority, 1 being the highest. Of the batches that are due, the one that has the request of
  // the highest priority runs first; requests of lower ones may fill it up.
  std::size_t priority_levels = 1;
  // Of a request that says none.
  std::size_t default_priority = 1;

  // What may wait at most; beyond that requests are refused with RESOURCE_EXHAUSTED.
  std::size_t max_queued_requests = 1024;
  std::size_t max_queued_bytes = std::size_t{256} << 20;
  // How long a request may wait until its batch begins; then it gets DEADLINE_EXCEEDED.
  absl::Duration queue_timeout = absl::InfiniteDuration();

  // Answers are given in the order of the requests, also where a later batch is done before an earlier.
  bool preserve_ordering = false;
};

}  // namespace parley

#endif  // PARLEY_MODEL_BATCH_OPTIONS_H_
