// How requests to one model are put together into batches.
#ifndef PARLEY_MODEL_BATCH_OPTIONS_H_
#define PARLEY_MODEL_BATCH_OPTIONS_H_

#include <cstddef>
#include <stop_token>
#include <string>
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

// What a batcher is told of one request.
struct BatchTerms {
  std::size_t items = 1;     // of the batch
  std::size_t bytes = 0;     // of memory that it holds while it waits
  std::size_t priority = 0;  // from 1, the highest, to priority_levels; 0: the default
  std::string kind = "";     // only requests of one kind share a batch, such as those of one shape
  // When it is not to begin any more; a passed one never runs.
  absl::Time deadline = absl::InfiniteFuture();
  // What is stopped while it waits never runs; later its answer comes all the same.
  std::stop_token stop = {};
};

}  // namespace parley

#endif  // PARLEY_MODEL_BATCH_OPTIONS_H_
