// One version of a model, as the registry serves it: checks its requests, runs them on the thread of
// their call or through a queue, and counts.
#ifndef PARLEY_SRC_MODEL_LOADED_MODEL_H_
#define PARLEY_SRC_MODEL_LOADED_MODEL_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "parley/model/batcher.h"
#include "parley/model/registry.h"
#include "src/exchange/logger.h"
#include "src/model/statistics_recorder.h"

namespace parley::detail {

class LoadedModel final : public ServedModel, public std::enable_shared_from_this<LoadedModel> {
 public:
  // Errors:   INVALID_ARGUMENT, as ModelRegistry::Load.
  static absl::StatusOr<std::unique_ptr<LoadedModel>> Make(Model model, Log log);
  // REQUIRES: not on a thread of its queue; whatever runs holds it.
  ~LoadedModel() override = default;

  absl::Status WarmUp() const;

  const ModelSpec& spec() const override { return model_.spec; }
  bool streaming() const override {
    return std::holds_alternative<StreamingHandler>(model_.handler);
  }
  const std::optional<BatchOptions>& queue() const override { return model_.queue; }
  ModelStatistics Statistics() const override { return statistics_.Get(); }

  void Infer(InferRequest request, InferTerms terms,
             absl::AnyInvocable<void(absl::StatusOr<InferResponse>) &&> answer) override;
  void Stream(InferRequest request, InferTerms terms, std::unique_ptr<ResponseSink> sink) override;

 private:
  struct Asked {
    InferRequest request;
    InferTerms terms;
    std::size_t items;
    absl::Time arrived;
    absl::AnyInvocable<void(absl::StatusOr<InferResponse>)&&> answer = nullptr;
    std::unique_ptr<ResponseSink> sink = nullptr;  // of a streaming model, in place of `answer`
  };
  // What a request that the queue let run came to.
  struct Ran {
    absl::StatusOr<InferResponse> response;
  };
  using Queue = Batcher<std::shared_ptr<Asked>, Ran>;

  LoadedModel(Model model, Log log) : model_(std::move(model)), log_(std::move(log)) {}
  absl::Status StartQueue(Log log);

  // How many items the request has, if it is to run.
  absl::StatusOr<std::size_t> Admit(const InferRequest& request, const InferTerms& terms,
                                    absl::Time now) const;
  void Enqueue(std::shared_ptr<Asked> asked);
  void Fail(Asked& asked, const absl::Status& status);

  Ran RunSingle(const Asked& asked);
  void RunStreaming(Asked& asked);
  Queue::Answers RunBatch(absl::Span<const std::shared_ptr<Asked>> batch);
  // Checks and counts the response, and says when that was done.
  Ran Complete(const Asked& asked, const InferRequest& request,
               absl::StatusOr<InferResponse> response, ExecutionTimes& times);
  // Calls a handler; whether it did not throw.
  template <class F>
  bool Call(F&& handler);

  Model model_;
  Logger log_;
  StatisticsRecorder statistics_;
  std::unique_ptr<Queue> queue_;  // none: requests run on the thread of their call
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_MODEL_LOADED_MODEL_H_
