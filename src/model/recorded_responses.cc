#include "src/model/recorded_responses.h"

#include <utility>

#include "absl/time/clock.h"
#include "src/model/request_check.h"

namespace parley::detail {
namespace {

using Outcome = StatisticsRecorder::Outcome;

Outcome OutcomeOf(const absl::Status& status) {
  if (status.ok()) return Outcome::kSuccess;
  return absl::IsCancelled(status) ? Outcome::kCancel : Outcome::kFail;
}

}  // namespace

RecordedResponses::RecordedResponses(std::shared_ptr<const ServedModel> model,
                                     StatisticsRecorder& statistics,
                                     std::unique_ptr<ResponseSink> sink, Request request)
    : model_(std::move(model)),
      statistics_(statistics),
      sink_(std::move(sink)),
      request_(std::move(request)),
      begun_(absl::Now()),
      last_(begun_) {}

absl::Status RecordedResponses::Write(InferResponse response) {
  if (!wrong_.ok()) return wrong_;
  const absl::Time computed = absl::Now();
  absl::Status status =
      CompleteResponse(model_->spec(), request_.header, request_.items, true, response);
  if (!status.ok()) {
    wrong_ = status;
  } else {
    status = sink_->Write(std::move(response));
  }
  const absl::Time written = absl::Now();
  statistics_.Responded(written_++, OutcomeOf(status), std::exchange(last_, written), computed,
                        written);
  return status;
}

void RecordedResponses::Finish(absl::Status status) {
  if (status.ok()) status = wrong_;
  const absl::Time now = absl::Now();
  const Outcome outcome = status.ok() ? Outcome::kEmpty : OutcomeOf(status);
  statistics_.Responded(written_, outcome, last_, now, now);
  const ExecutionTimes times{begun_, begun_, now, now};
  statistics_.Executed(request_.items, times);
  if (status.ok()) {
    statistics_.Succeeded(request_.arrived, times);
  } else {
    statistics_.Failed(request_.arrived, now);
  }
  sink_->Finish(std::move(status));
}

}  // namespace parley::detail
