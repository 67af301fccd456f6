#include "tests/kserve/kserve_models.h"

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace parley::kserve_test {
namespace {

Model Identity(std::string name, std::int64_t version, DataType type) {
  return {.spec = {.name = std::move(name),
                   .version = version,
                   .inputs = {{"INPUT", type, {-1}}},
                   .outputs = {{"OUTPUT", type, {-1}}}},
          .handler = [](const InferRequest& request,
                        const InferTerms&) -> absl::StatusOr<InferResponse> {
            return InferResponse{.parameters = request.parameters,
                                 .outputs = {{"OUTPUT", *request.FindInput("INPUT")}}};
          }};
}

std::vector<absl::StatusOr<InferResponse>> Sum(const InferBatch& batch) {
  absl::StatusOr<Tensor> a = batch.Gather("a");
  if (!a.ok()) return batch.Split(a.status());
  absl::StatusOr<Tensor> b = batch.Gather("b");
  if (!b.ok()) return batch.Split(b.status());
  const std::span<const float> from_a = a->Values<float>().value();
  const std::span<const float> from_b = b->Values<float>().value();
  absl::StatusOr<Tensor> sum =
      Tensor::Make<float>({a->shape().begin(), a->shape().end()}, [&](std::span<float> to) {
        for (std::size_t i = 0; i < to.size(); ++i) to[i] = from_a[i] + from_b[i];
      });
  if (!sum.ok()) return batch.Split(sum.status());
  return batch.Split({{{"sum", *std::move(sum)}}});
}

void Repeat(Inference inference) {
  const std::span<const std::int32_t> numbers =
      inference.request().Input<std::int32_t>("IN").value();
  for (const std::int32_t& number : numbers) {
    const std::span<const std::int32_t> one(&number, 1);
    const absl::Status status =
        inference.Write({.outputs = {{"OUT", Tensor::CopyOf(one, {1}).value()}}});
    if (!status.ok()) return std::move(inference).Finish(status);
  }
  const bool fails = inference.request().parameters.count("fail") > 0;
  std::move(inference).Finish(fails ? absl::DataLossError("as was asked for") : absl::OkStatus());
}

}  // namespace

Model IdentityModel(DataType type) {
  return Identity(absl::StrCat("identity_", std::string(DataTypeName(type))), 1, type);
}

Model SumModel() {
  return {.spec = {.name = "sum",
                   .inputs = {{"a", DataType::kFp32, {2}}, {"b", DataType::kFp32, {2}}},
                   .outputs = {{"sum", DataType::kFp32, {2}}},
                   .max_batch_size = 8},
          .handler = BatchHandler(Sum),
          .queue = BatchOptions{.max_queue_delay = absl::Milliseconds(5), .priority_levels = 2}};
}

Model RepeatModel() {
  return {.spec = {.name = "repeat",
                   .inputs = {{"IN", DataType::kInt32, {-1}}},
                   .outputs = {{"OUT", DataType::kInt32, {1}}}},
          .handler = StreamingHandler(Repeat)};
}

Model WaitModel() {
  return {
      .spec = {.name = "wait"},
      .handler = [](const InferRequest&, const InferTerms& terms) -> absl::StatusOr<InferResponse> {
        std::mutex mutex;
        std::condition_variable_any never;
        std::unique_lock lock(mutex);
        never.wait(lock, terms.stop, [] { return false; });
        return InferResponse{};
      }};
}

Model FailModel() {
  return {.spec = {.name = "fail"},
          .handler = [](const InferRequest&, const InferTerms&) -> absl::StatusOr<InferResponse> {
            return absl::FailedPreconditionError("as always");
          }};
}

absl::Status LoadModels(ModelRegistry& registry) {
  std::vector<Model> models = {SumModel(),
                               RepeatModel(),
                               WaitModel(),
                               FailModel(),
                               Identity("versions", 1, DataType::kInt32),
                               Identity("versions", 3, DataType::kInt32)};
  for (int type = 1; type <= static_cast<int>(DataType::kBf16); ++type) {
    models.push_back(IdentityModel(static_cast<DataType>(type)));
  }
  for (Model& model : models) {
    if (absl::Status status = registry.Load(std::move(model)); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Model>> LoadOnRequest(const LoadRequest& request) {
  if (request.name != "loaded") return absl::NotFoundError("only \"loaded\" can be loaded");
  if (request.config == "refuse") return absl::FailedPreconditionError("that is refused");
  std::int64_t version = 1;
  for (const auto& [path, bytes] : request.files) {
    const std::string number = path.substr(0, path.find('/'));
    if (!absl::SimpleAtoi(number, &version)) return absl::InvalidArgumentError(path);
  }
  return std::vector<Model>{Identity("loaded", version, DataType::kInt32)};
}

}  // namespace parley::kserve_test
