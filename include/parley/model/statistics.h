// What a model has done since it was loaded, in the terms of Triton's statistics.
#ifndef PARLEY_MODEL_STATISTICS_H_
#define PARLEY_MODEL_STATISTICS_H_

#include <cstdint>
#include <map>

#include "absl/time/time.h"

namespace parley {

struct DurationStatistic {
  std::uint64_t count = 0;
  absl::Duration total = absl::ZeroDuration();
};

// Of the executions of one batch size.
struct BatchStatistics {
  DurationStatistic compute_input;
  DurationStatistic compute_infer;
  DurationStatistic compute_output;
};

// Of the first, second... response to a request of a streaming model.
struct ResponseStatistics {
  DurationStatistic compute_infer;   // since the response before, or the request's start
  DurationStatistic compute_output;  // until it was written
  DurationStatistic success;
  DurationStatistic fail;
  DurationStatistic empty_response;  // the end without a response
  DurationStatistic cancel;
};

struct ModelStatistics {
  absl::Time last_inference = absl::UnixEpoch();
  std::uint64_t inference_count = 0;  // items that were computed
  std::uint64_t execution_count = 0;  // times that the handler was called for them
  DurationStatistic success;          // requests, from their arrival to their answer
  DurationStatistic fail;
  DurationStatistic queue;           // of the requests that succeeded: until their execution began,
  DurationStatistic compute_input;   // until the handler was called,
  DurationStatistic compute_infer;   // until it returned,
  DurationStatistic compute_output;  // and until the answer was given
  std::map<std::uint64_t, BatchStatistics> batches = {};       // by their number of items
  std::map<std::uint64_t, ResponseStatistics> responses = {};  // by their index, from 0
};

}  // namespace parley

#endif  // PARLEY_MODEL_STATISTICS_H_
