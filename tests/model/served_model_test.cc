// What a model is asked and answers: requests that its spec does not allow, batches, failures, counts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "parley/model/registry.h"
#include "tests/call/gate.h"
#include "tests/call/log_lines.h"
#include "tests/model/models.h"

namespace parley {
namespace {

using call_test::Counter;
using call_test::Gate;
using model_test::Doubled;
using model_test::DoubleModel;
using model_test::DoubleRequest;
using model_test::DoubleSpec;
using model_test::Floats;
using model_test::ValuesOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ServedModelTest : public testing::Test {
 protected:
  void Load(Model model) {
    const std::string name = model.spec.name;
    ASSERT_EQ(registry_.Load(std::move(model)), absl::OkStatus());
    model_ = registry_.Find(name).value();
  }
  absl::StatusOr<InferResponse> Infer(InferRequest request, InferTerms terms = {}) {
    return registry_.Infer(std::move(request), std::move(terms));
  }
  std::string Refusal(InferRequest request) {
    const absl::Status status = Infer(std::move(request)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  }
  std::future<absl::StatusOr<InferResponse>> Ask(InferRequest request, InferTerms terms = {}) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<InferResponse>>>();
    model_->Infer(std::move(request), std::move(terms),
                  [promise](absl::StatusOr<InferResponse> response) {
                    promise->set_value(std::move(response));
                  });
    return promise->get_future();
  }

  call_test::LogLines log_;
  ModelRegistry registry_{{.log = log_.log()}};
  std::shared_ptr<ServedModel> model_;
};

TEST_F(ServedModelTest, AnswersAndFillsInWhoDid) {
  Load(DoubleModel("double", 3));
  InferRequest request = DoubleRequest("double", Floats({1, 2}));
  request.id = "seven";
  const absl::StatusOr<InferResponse> response = Infer(std::move(request));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->model_name, "double");
  EXPECT_EQ(response->model_version, "3");
  EXPECT_EQ(response->id, "seven");
  EXPECT_THAT(response->Output<float>("y").value(), ElementsAre(2, 4));
  EXPECT_EQ(response->Output<float>("z").status(),
            absl::InvalidArgumentError("there is no output \"z\""));
}

TEST_F(ServedModelTest, RefusesInputsThatTheSpecDoesNotAllow) {
  Model model = DoubleModel("double");
  model.spec.inputs = {{"x", DataType::kFp32, {-1, 2}}, {"bias", DataType::kFp32, {}, true}};
  Load(std::move(model));
  const Tensor good = Floats({1, 2}, {1, 2});
  EXPECT_EQ(Refusal({.model_name = "double"}), "input \"x\" of model double is missing");
  EXPECT_EQ(Refusal({.model_name = "double", .inputs = {{"X\n", good}}}),
            "model double has no input \"X\\n\"");
  EXPECT_EQ(Refusal({.model_name = "double", .inputs = {{"x", good}, {"x", good}}}),
            "input \"x\" is given twice");
  EXPECT_EQ(Refusal({.model_name = "double", .inputs = {{"x", good}, {"x", good}, {"x", good}}}),
            "3 inputs; model double has 2");
  EXPECT_EQ(Refusal(DoubleRequest("double", Floats({1, 2, 3}, {1, 3}))),
            "input \"x\" is of shape [1,3]; model double has [-1,2]");
  EXPECT_EQ(Refusal(DoubleRequest("double", Floats({1, 2}))),
            "input \"x\" is of shape [2]; model double has [-1,2]");
  const std::array<std::int32_t, 2> integers = {1, 2};
  EXPECT_EQ(
      Refusal(DoubleRequest("double", Tensor::CopyOf<std::int32_t>(integers, {1, 2}).value())),
      "input \"x\" is of type INT32; model double has FP32");
  EXPECT_EQ(model_->Statistics().fail.count, 7);
  EXPECT_EQ(model_->Statistics().execution_count, 0);
}

TEST_F(ServedModelTest, RefusesOutputsThatThereAreNot) {
  Load(DoubleModel("double"));
  InferRequest request = DoubleRequest("double", Floats({1}));
  request.outputs = {{"z"}};
  EXPECT_EQ(Refusal(request), "model double has no output \"z\"");
  request.outputs = {{"y"}, {"y"}};
  EXPECT_EQ(Refusal(request), "2 outputs are asked for; model double has 1");
}

TEST_F(ServedModelTest, RefusesNumbersOfItemsThatTheModelDoesNotTake) {
  Model model = DoubleModel("double");
  model.spec.max_batch_size = 4;
  model.spec.inputs.push_back({"z", DataType::kFp32, {-1}, true});
  Load(std::move(model));
  EXPECT_EQ(Refusal(DoubleRequest("double", Floats({}, {0, 2}))),
            "input \"x\" has 0 items; model double takes from 1 to 4");
  EXPECT_EQ(Refusal(DoubleRequest("double", Floats({1, 2, 3, 4, 5}, {5, 1}))),
            "input \"x\" has 5 items; model double takes from 1 to 4");
  EXPECT_EQ(Refusal({.model_name = "double",
                     .inputs = {{"x", Floats({1, 2}, {2, 1})}, {"z", Floats({1}, {1, 1})}}}),
            "input \"z\" has 1 items where the inputs before have 2");
  EXPECT_EQ(Refusal(DoubleRequest("double", Floats({1}, {}))),
            "input \"x\" is of shape []; model double has [-1,-1]");
}

TEST_F(ServedModelTest, GivesTheOutputsThatAreAskedForInTheirOrder) {
  Load({.spec = {.name = "many",
                 .outputs = {{"a", DataType::kFp32, {}},
                             {"b", DataType::kFp32, {}},
                             {"c", DataType::kFp32, {}, true}}},
        .handler = [](const InferRequest&, const InferTerms&) -> absl::StatusOr<InferResponse> {
          return InferResponse{.outputs = {{"a", Floats({1}, {})}, {"b", Floats({2}, {})}}};
        }});
  const auto names = [&](std::vector<RequestedOutput> outputs) {
    std::vector<std::string> given;
    const auto response = Infer({.model_name = "many", .outputs = std::move(outputs)});
    if (!response.ok()) return std::vector<std::string>{std::string(response.status().message())};
    for (const NamedTensor& output : response->outputs) given.push_back(output.name);
    return given;
  };
  EXPECT_THAT(names({}), ElementsAre("a", "b"));
  EXPECT_THAT(names({{"b"}, {"a"}}), ElementsAre("b", "a"));
  EXPECT_THAT(names({{"b"}}), ElementsAre("b"));
  EXPECT_THAT(names({{"c"}}), ElementsAre("the model gave no output \"c\""));
}

TEST_F(ServedModelTest, SaysInternalOfResponsesThatTheSpecDoesNotAllow) {
  InferResponse response;
  Model model = DoubleModel("double");
  model.spec.max_batch_size = 4;
  model.handler = [&](const InferRequest&, const InferTerms&) {
    return absl::StatusOr<InferResponse>(response);
  };
  Load(std::move(model));
  const auto error = [&](std::vector<NamedTensor> outputs) {
    response.outputs = std::move(outputs);
    const absl::Status status = Infer(DoubleRequest("double", Floats({1, 2}, {2, 1}))).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
    return std::string(status.message());
  };
  const Tensor good = Floats({1, 2}, {2, 1});
  EXPECT_EQ(error({}), "the model gave no output \"y\"");
  EXPECT_EQ(error({{"z", good}}), "the model's output \"z\" is not in its spec");
  EXPECT_EQ(error({{"y", good}, {"y", good}}), "the model's output \"y\" is given twice");
  EXPECT_EQ(error({{"y", Tensor()}}),
            "the model's output \"y\" is of type INVALID; model double has FP32");
  EXPECT_EQ(error({{"y", Floats({1}, {1, 1})}}),
            "the model's output \"y\" has 1 items where the request has 2");
  EXPECT_TRUE(log_.Says("the model's output \"z\" is not in its spec"));
}

TEST_F(ServedModelTest, NeverSendsWhatAHandlerThrew) {
  Model model = DoubleModel("double");
  model.handler = [](const InferRequest&, const InferTerms&) -> absl::StatusOr<InferResponse> {
    throw std::runtime_error("a secret");
  };
  Load(std::move(model));
  EXPECT_EQ(Infer(DoubleRequest("double", Floats({1}))).status(),
            absl::InternalError("the model failed"));
  EXPECT_TRUE(log_.Says("model double threw: a secret"));
}

TEST_F(ServedModelTest, DoesNotRunWhatIsOfNoUseAnyMore) {
  Load(DoubleModel("double"));
  EXPECT_EQ(Infer(DoubleRequest("double", Floats({1})), {.deadline = absl::Now()}).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(Infer(DoubleRequest("double", Floats({1})), {.stop = stop.get_token()}).status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_EQ(model_->Statistics().execution_count, 0);
}

// Doubles the rows of batches, which wait until the test lets them go on.
class BatchedModelTest : public ServedModelTest {
 protected:
  void LoadBatched(BatchOptions options = {}) {
    Load({.spec = DoubleSpec("double", 1, 4),
          .handler =
              [this](const InferBatch& batch) {
                began_.Add();
                EXPECT_TRUE(go_on_.Opens());
                absl::StatusOr<Tensor> x = batch.Gather("x");
                if (!x.ok()) return batch.Split(x.status());
                shapes_.push_back(ShapeText(x->shape()));
                return batch.Split({{{"y", Doubled(*x)}}});
              },
          .queue = std::move(options)});
  }
  Counter began_;
  Gate go_on_;
  std::vector<std::string> shapes_;
};

TEST_F(BatchedModelTest, GathersWhatWaitsAndGivesEachItsRows) {
  LoadBatched();
  auto first = Ask(DoubleRequest("double", Floats({0}, {1, 1})));
  EXPECT_TRUE(began_.Reaches(1));
  auto second = Ask(DoubleRequest("double", Floats({1}, {1, 1})));
  auto third = Ask(DoubleRequest("double", Floats({2, 3}, {2, 1})));
  auto wide = Ask(DoubleRequest("double", Floats({4, 5}, {1, 2})));
  go_on_.Open();
  EXPECT_THAT(first.get()->Output<float>("y").value(), ElementsAre(0));
  EXPECT_THAT(second.get()->Output<float>("y").value(), ElementsAre(2));
  EXPECT_THAT(third.get()->Output<float>("y").value(), ElementsAre(4, 6));
  EXPECT_THAT(wide.get()->Output<float>("y").value(), ElementsAre(8, 10));
  EXPECT_THAT(shapes_, ElementsAre("[1,1]", "[3,1]", "[1,2]"));
  const ModelStatistics statistics = model_->Statistics();
  EXPECT_EQ(statistics.inference_count, 5);
  EXPECT_EQ(statistics.execution_count, 3);
  EXPECT_EQ(statistics.success.count, 4);
  EXPECT_EQ(statistics.batches.at(3).compute_infer.count, 1);
  EXPECT_EQ(statistics.batches.at(1).compute_infer.count, 2);
  EXPECT_GE(statistics.success.total, statistics.queue.total + statistics.compute_infer.total);
}

TEST_F(BatchedModelTest, KeepsParametersThatDifferApart) {
  LoadBatched();
  const auto with = [](Parameter parameter) {
    InferRequest request = DoubleRequest("double", Floats({1}, {1, 1}));
    request.parameters.emplace("p", std::move(parameter));
    return request;
  };
  std::vector<std::future<absl::StatusOr<InferResponse>>> answers;
  answers.push_back(Ask(DoubleRequest("double", Floats({0}, {1, 1}))));
  EXPECT_TRUE(began_.Reaches(1));
  const std::vector<Parameter> parameters = {true, false, std::int64_t{1},  std::uint64_t{1},
                                             1.0,  1.5,   std::string("1"), std::int64_t{1}};
  for (const Parameter& parameter : parameters) answers.push_back(Ask(with(parameter)));
  go_on_.Open();
  for (auto& answer : answers) EXPECT_TRUE(answer.get().ok());
  EXPECT_EQ(began_.value(), 8);  // the last shares its batch
}

TEST_F(BatchedModelTest, ExpiresAndCancelsWhatWaits) {
  LoadBatched();
  auto first = Ask(DoubleRequest("double", Floats({0}, {1, 1})));
  EXPECT_TRUE(began_.Reaches(1));
  std::stop_source stop;
  auto timed =
      Ask(DoubleRequest("double", Floats({1}, {1, 1})), {.queue_timeout = absl::Milliseconds(1)});
  auto stopped = Ask(DoubleRequest("double", Floats({1}, {1, 1})), {.stop = stop.get_token()});
  EXPECT_EQ(timed.get().status().code(), absl::StatusCode::kDeadlineExceeded);
  stop.request_stop();
  EXPECT_EQ(stopped.get().status().code(), absl::StatusCode::kCancelled);
  go_on_.Open();
  EXPECT_TRUE(first.get().ok());
  EXPECT_EQ(model_->Statistics().fail.count, 2);
}

TEST_F(BatchedModelTest, RefusesMoreThanItsQueueHolds) {
  LoadBatched({.max_queued_requests = 1});
  auto first = Ask(DoubleRequest("double", Floats({0}, {1, 1})));
  EXPECT_TRUE(began_.Reaches(1));
  auto second = Ask(DoubleRequest("double", Floats({1}, {1, 1})));
  EXPECT_EQ(Ask(DoubleRequest("double", Floats({2}, {1, 1}))).get().status().code(),
            absl::StatusCode::kResourceExhausted);
  go_on_.Open();
  EXPECT_TRUE(first.get().ok());
  EXPECT_TRUE(second.get().ok());
}

TEST_F(ServedModelTest, SaysInternalToAllOfABatchThatWasNotAnswered) {
  std::function<std::vector<absl::StatusOr<InferResponse>>(const InferBatch&)> handler;
  Load({.spec = DoubleSpec("double", 1, 4),
        .handler = [&](const InferBatch& batch) { return handler(batch); }});
  const auto error = [&] {
    return std::string(Infer(DoubleRequest("double", Floats({1}, {1, 1}))).status().message());
  };
  handler = [](const InferBatch&) { return std::vector<absl::StatusOr<InferResponse>>(); };
  EXPECT_EQ(error(), "the model gave 0 answers to 1 requests");
  handler = [](const InferBatch&) -> std::vector<absl::StatusOr<InferResponse>> {
    throw std::runtime_error("a secret");
  };
  EXPECT_EQ(error(), "the model failed");
  EXPECT_TRUE(log_.Says("model double threw: a secret"));
  handler = [](const InferBatch& batch) { return batch.Split(absl::DataLossError("no weights")); };
  EXPECT_EQ(error(), "no weights");
  EXPECT_EQ(model_->Statistics().execution_count, 2);
}

TEST_F(ServedModelTest, RunsRequestsOfAnyNumberOfItemsOneByOneWithoutABatchHandler) {
  Model model = DoubleModel("double");
  model.spec.max_batch_size = 4;
  model.queue.emplace();
  Load(std::move(model));
  EXPECT_THAT(Infer(DoubleRequest("double", Floats({1, 2, 3}, {3, 1})))->Output<float>("y").value(),
              ElementsAre(2, 4, 6));
  EXPECT_EQ(model_->Statistics().inference_count, 3);
  EXPECT_EQ(model_->queue()->max_batch_size, 1);
}

TEST(InferBatch, SaysWhatItCannotGatherOrSplit) {
  const std::vector<InferRequest> requests = {DoubleRequest("double", Floats({1}, {1, 1})),
                                              {.model_name = "double"}};
  const std::vector<std::size_t> items = {1, 1};
  const InferBatch batch(requests, items);
  EXPECT_EQ(batch.items(), 2);
  EXPECT_EQ(batch.Gather("x").status(), absl::InvalidArgumentError("there is no input \"x\""));
  const auto responses = batch.Split({{{"y", Floats({1, 2, 3}, {3, 1})}}});
  ASSERT_EQ(responses.size(), 2);
  EXPECT_EQ(
      responses[1].status(),
      absl::InternalError("output \"y\" of the batch: a tensor of shape [3,1] is not 2 rows"));
}

}  // namespace
}  // namespace parley
