// Counts what a model does, on any thread.
#ifndef PARLEY_SRC_MODEL_STATISTICS_RECORDER_H_
#define PARLEY_SRC_MODEL_STATISTICS_RECORDER_H_

#include <cstddef>
#include <cstdint>
#include <mutex>

#include "absl/time/time.h"
#include "parley/model/statistics.h"

namespace parley::detail {

// The moments of one execution of a handler.
struct ExecutionTimes {
  absl::Time begun;
  absl::Time called;
  absl::Time returned;
  absl::Time done;
};

class StatisticsRecorder {
 public:
  ModelStatistics Get() const;

  // The handler was called for so many items and did not throw.
  void Executed(std::size_t items, const ExecutionTimes& times);
  // A request that arrived then was answered by that execution.
  void Succeeded(absl::Time arrived, const ExecutionTimes& times);
  void Failed(absl::Time arrived, absl::Time done);
  // Of a request's responses, the one with that index: computed since `begun` and given to be sent
  // from `computed` to `written`.
  enum class Outcome { kSuccess, kFail, kEmpty, kCancel };
  void Responded(std::uint64_t index, Outcome outcome, absl::Time begun, absl::Time computed,
                 absl::Time written);

 private:
  mutable std::mutex mutex_;
  ModelStatistics statistics_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_MODEL_STATISTICS_RECORDER_H_
