#include "src/model/loaded_model.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/model/recorded_responses.h"
#include "src/model/request_check.h"
#include "src/thrown.h"

namespace parley::detail {
namespace {

absl::Status Failed() { return absl::InternalError("the model failed"); }

std::size_t BytesOf(const InferRequest& request) {
  std::size_t bytes = 0;
  for (const NamedTensor& input : request.inputs) bytes += input.tensor.bytes().size();
  return bytes;
}

bool HasHandler(const Model& model) {
  return std::visit([](const auto& handler) { return handler != nullptr; }, model.handler);
}

}  // namespace

absl::StatusOr<std::unique_ptr<LoadedModel>> LoadedModel::Make(Model model, Log log) {
  if (absl::Status status = CheckSpec(model.spec); !status.ok()) return status;
  const std::string name = model.spec.name;
  if (!HasHandler(model)) {
    return absl::InvalidArgumentError(absl::StrCat("model ", name, " has no handler"));
  }
  std::unique_ptr<LoadedModel> loaded(new LoadedModel(std::move(model), log));
  if (absl::Status status = loaded->StartQueue(std::move(log)); !status.ok()) {
    return absl::Status(status.code(), absl::StrCat("model ", name, ": ", status.message()));
  }
  return loaded;
}

absl::Status LoadedModel::StartQueue(Log log) {
  const bool batches = std::holds_alternative<BatchHandler>(model_.handler);
  if (batches && !model_.queue.has_value()) model_.queue.emplace();
  if (!model_.queue.has_value()) return absl::OkStatus();
  BatchOptions& options = *model_.queue;
  const std::size_t most = std::max<std::size_t>(model_.spec.max_batch_size, 1);
  if (options.max_batch_size != 1 && options.max_batch_size != most) {
    return absl::InvalidArgumentError(
        absl::StrCat("its queue's max_batch_size is ", options.max_batch_size, ", its spec's ",
                     model_.spec.max_batch_size, "; leave the queue's out"));
  }
  // Another handler takes one request at a time, however many items that has.
  options.max_batch_size = batches ? most : 1;
  absl::StatusOr<std::unique_ptr<Queue>> queue = Queue::Start(
      options, [this](absl::Span<const std::shared_ptr<Asked>> batch) { return RunBatch(batch); },
      std::move(log));
  if (!queue.ok()) return queue.status();
  queue_ = *std::move(queue);
  return absl::OkStatus();
}

template <class F>
bool LoadedModel::Call(F&& handler) {
  const std::optional<std::string> thrown = ThrownBy(handler);
  if (thrown) log_(Severity::kError, absl::StrCat("model ", spec().name, " threw: ", *thrown));
  return !thrown;
}

absl::Status LoadedModel::WarmUp() const {
  if (model_.warm_up == nullptr) return absl::OkStatus();
  absl::Status status;
  const std::optional<std::string> thrown = ThrownBy([&] { status = model_.warm_up(); });
  if (!thrown && status.ok()) return status;
  return absl::Status(thrown ? absl::StatusCode::kInternal : status.code(),
                      absl::StrCat("model ", spec().name, " did not warm up: ",
                                   thrown ? *thrown : std::string(status.message())));
}

absl::StatusOr<std::size_t> LoadedModel::Admit(const InferRequest& request, const InferTerms& terms,
                                               absl::Time now) const {
  if (terms.stop.stop_requested()) {
    return absl::CancelledError("the request was cancelled before it ran");
  }
  if (terms.deadline <= now) {
    return absl::DeadlineExceededError("the deadline passed before the model ran");
  }
  return CheckRequest(spec(), request);
}

void LoadedModel::Infer(InferRequest request, InferTerms terms,
                        absl::AnyInvocable<void(absl::StatusOr<InferResponse>) &&> answer) {
  const absl::Time arrived = absl::Now();
  absl::StatusOr<std::size_t> items = Admit(request, terms, arrived);
  if (streaming()) {
    items = absl::UnimplementedError(
        absl::StrCat("model ", spec().name, " gives any number of responses; ask for a stream"));
  }
  Asked asked{std::move(request), std::move(terms), items.value_or(0), arrived, std::move(answer)};
  if (!items.ok()) return Fail(asked, items.status());
  if (queue_ != nullptr) return Enqueue(std::make_shared<Asked>(std::move(asked)));
  std::move(asked.answer)(RunSingle(asked).response);
}

void LoadedModel::Stream(InferRequest request, InferTerms terms,
                         std::unique_ptr<ResponseSink> sink) {
  const absl::Time arrived = absl::Now();
  absl::StatusOr<std::size_t> items = Admit(request, terms, arrived);
  if (!streaming()) {
    items = absl::UnimplementedError(
        absl::StrCat("model ", spec().name, " gives one response; do not ask for a stream"));
  }
  Asked asked{std::move(request), std::move(terms), items.value_or(0), arrived};
  asked.sink = std::move(sink);
  if (!items.ok()) return Fail(asked, items.status());
  if (queue_ != nullptr) return Enqueue(std::make_shared<Asked>(std::move(asked)));
  RunStreaming(asked);
}

void LoadedModel::Fail(Asked& asked, const absl::Status& status) {
  statistics_.Failed(asked.arrived, absl::Now());
  if (asked.sink != nullptr) return asked.sink->Finish(status);
  std::move(asked.answer)(status);
}

void LoadedModel::Enqueue(std::shared_ptr<Asked> asked) {
  const InferTerms& terms = asked->terms;
  BatchTerms in_queue{.items = queue()->max_batch_size == 1 ? 1 : asked->items,
                      .bytes = BytesOf(asked->request),
                      .priority = terms.priority,
                      .deadline = std::min(terms.deadline, asked->arrived + terms.queue_timeout),
                      .stop = terms.stop};
  if (queue()->max_batch_size > 1) in_queue.kind = BatchKind(spec(), asked->request);
  // Whatever waits or runs keeps the model.
  queue_->Submit(asked, std::move(in_queue),
                 [self = shared_from_this(), asked](absl::StatusOr<Ran> ran) {
                   if (!ran.ok()) return self->Fail(*asked, ran.status());
                   if (asked->answer) std::move(asked->answer)(std::move(ran->response));
                 });
}

LoadedModel::Ran LoadedModel::RunSingle(const Asked& asked) {
  ExecutionTimes times;
  times.begun = times.called = absl::Now();
  absl::StatusOr<InferResponse> response = Failed();
  const auto& handler = std::get<SingleHandler>(model_.handler);
  const bool returned = Call([&] { response = handler(asked.request, asked.terms); });
  times.returned = absl::Now();
  Ran ran = Complete(asked, asked.request, std::move(response), times);
  if (returned) statistics_.Executed(asked.items, times);
  return ran;
}

void LoadedModel::RunStreaming(Asked& asked) {
  auto sink = std::make_unique<RecordedResponses>(
      shared_from_this(), statistics_, std::move(asked.sink),
      RecordedResponses::Request{.header = {.model_name = spec().name,
                                            .id = asked.request.id,
                                            .outputs = asked.request.outputs},
                                 .items = asked.items,
                                 .arrived = asked.arrived});
  // One that throws has not finished it, and so does its destructor.
  Call([&] {
    std::get<StreamingHandler>(model_.handler)(
        Inference(std::move(asked.request), std::move(asked.terms), std::move(sink)));
  });
}

LoadedModel::Queue::Answers LoadedModel::RunBatch(absl::Span<const std::shared_ptr<Asked>> batch) {
  Queue::Answers answers;
  if (streaming()) {
    RunStreaming(*batch[0]);
    answers.emplace_back(Ran{InferResponse{}});
    return answers;
  }
  if (std::holds_alternative<SingleHandler>(model_.handler)) {
    answers.emplace_back(RunSingle(*batch[0]));
    return answers;
  }
  ExecutionTimes times;
  times.begun = absl::Now();
  std::vector<InferRequest> requests;
  std::vector<std::size_t> items;
  for (const std::shared_ptr<Asked>& asked : batch) {
    requests.push_back(std::move(asked->request));
    items.push_back(asked->items);
  }
  const InferBatch infer_batch(requests, items);
  std::vector<absl::StatusOr<InferResponse>> responses;
  times.called = absl::Now();
  const bool returned =
      Call([&] { responses = std::get<BatchHandler>(model_.handler)(infer_batch); });
  times.returned = absl::Now();
  if (!returned) {
    responses.assign(batch.size(), Failed());
  } else if (responses.size() != batch.size()) {
    const absl::Status wrong = absl::InternalError(absl::StrCat(
        "the model gave ", responses.size(), " answers to ", batch.size(), " requests"));
    responses.assign(batch.size(), wrong);
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    answers.emplace_back(Complete(*batch[i], requests[i], std::move(responses[i]), times));
  }
  if (returned) statistics_.Executed(infer_batch.items(), times);
  return answers;
}

LoadedModel::Ran LoadedModel::Complete(const Asked& asked, const InferRequest& request,
                                       absl::StatusOr<InferResponse> response,
                                       ExecutionTimes& times) {
  if (response.ok()) {
    absl::Status status = CompleteResponse(spec(), request, asked.items, false, *response);
    if (!status.ok()) {
      log_(Severity::kError, absl::StrCat("model ", spec().name, ": ", status.message()));
      response = std::move(status);
    }
  }
  times.done = absl::Now();
  if (response.ok()) {
    statistics_.Succeeded(asked.arrived, times);
  } else {
    statistics_.Failed(asked.arrived, times.done);
  }
  return {std::move(response)};
}

}  // namespace parley::detail
