#include "src/model/statistics_recorder.h"

#include <algorithm>

namespace parley::detail {
namespace {

// Responses of one request that have an entry of their own; those after count with the last.
constexpr std::uint64_t kMostResponses = 1024;

void Add(DurationStatistic& statistic, absl::Time begun, absl::Time done) {
  ++statistic.count;
  // A clock that was set back.
  statistic.total += std::max(done - begun, absl::ZeroDuration());
}

}  // namespace

ModelStatistics StatisticsRecorder::Get() const {
  std::unique_lock lock(mutex_);
  return statistics_;
}

void StatisticsRecorder::Executed(std::size_t items, const ExecutionTimes& times) {
  std::unique_lock lock(mutex_);
  statistics_.last_inference = times.returned;
  statistics_.inference_count += items;
  ++statistics_.execution_count;
  BatchStatistics& batch = statistics_.batches[items];
  Add(batch.compute_input, times.begun, times.called);
  Add(batch.compute_infer, times.called, times.returned);
  Add(batch.compute_output, times.returned, times.done);
}

void StatisticsRecorder::Succeeded(absl::Time arrived, const ExecutionTimes& times) {
  std::unique_lock lock(mutex_);
  Add(statistics_.success, arrived, times.done);
  Add(statistics_.queue, arrived, times.begun);
  Add(statistics_.compute_input, times.begun, times.called);
  Add(statistics_.compute_infer, times.called, times.returned);
  Add(statistics_.compute_output, times.returned, times.done);
}

void StatisticsRecorder::Failed(absl::Time arrived, absl::Time done) {
  std::unique_lock lock(mutex_);
  Add(statistics_.fail, arrived, done);
}

void StatisticsRecorder::Responded(std::uint64_t index, Outcome outcome, absl::Time begun,
                                   absl::Time computed, absl::Time written) {
  std::unique_lock lock(mutex_);
  ResponseStatistics& response = statistics_.responses[std::min(index, kMostResponses - 1)];
  Add(response.compute_infer, begun, computed);
  Add(response.compute_output, computed, written);
  switch (outcome) {
    case Outcome::kSuccess:
      return Add(response.success, begun, written);
    case Outcome::kFail:
      return Add(response.fail, begun, written);
    case Outcome::kEmpty:
      return Add(response.empty_response, begun, written);
    case Outcome::kCancel:
      return Add(response.cancel, begun, written);
  }
}

}  // namespace parley::detail
