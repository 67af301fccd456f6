// The responses to one request of a streaming model, on their way to whoever asked: checked and counted.
#ifndef PARLEY_SRC_MODEL_RECORDED_RESPONSES_H_
#define PARLEY_SRC_MODEL_RECORDED_RESPONSES_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "parley/model/registry.h"
#include "src/model/statistics_recorder.h"

namespace parley::detail {

class RecordedResponses final : public ResponseSink {
 public:
  struct Request {
    InferRequest header;  // without its inputs
    std::size_t items;
    absl::Time arrived;
  };

  // `statistics` are of `model`, which is kept until the request is finished.
  RecordedResponses(std::shared_ptr<const ServedModel> model, StatisticsRecorder& statistics,
                    std::unique_ptr<ResponseSink> sink, Request request);

  absl::Status Write(InferResponse response) override;
  void Finish(absl::Status status) override;

 private:
  const std::shared_ptr<const ServedModel> model_;
  StatisticsRecorder& statistics_;
  const std::unique_ptr<ResponseSink> sink_;
  const Request request_;
  const absl::Time begun_;
  absl::Time last_;  // when the response before was written
  std::uint64_t written_ = 0;
  absl::Status wrong_;  // what the model has written that its spec does not allow
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_MODEL_RECORDED_RESPONSES_H_
