// Models that give any number of responses to a request.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "parley/model/registry.h"
#include "tests/call/gate.h"
#include "tests/call/log_lines.h"
#include "tests/model/models.h"

namespace parley {
namespace {

using call_test::Counter;
using call_test::Gate;
using call_test::Slip;
using model_test::DoubleRequest;
using model_test::Floats;
using testing::ElementsAre;
using testing::IsEmpty;

// What came of one request.
struct Seen {
  std::vector<float> values;
  Slip<absl::Status> end;
};
class SeenSink final : public detail::ResponseSink {
 public:
  explicit SeenSink(Seen& seen) : seen_(seen) {}
  absl::Status Write(InferResponse response) override {
    if (seen_.values.size() == 3) return absl::CancelledError("enough");
    seen_.values.push_back(response.Output<float>("y").value()[0]);
    EXPECT_EQ(response.id, "seven");
    EXPECT_EQ(response.model_name, "count");
    return absl::OkStatus();
  }
  void Finish(absl::Status status) override { seen_.end.Put(std::move(status)); }

 private:
  Seen& seen_;
};

class StreamingModelTest : public testing::Test {
 protected:
  void Load(StreamingHandler handler, std::optional<BatchOptions> queue = std::nullopt) {
    ASSERT_EQ(registry_.Load({.spec = {.name = "count",
                                       .inputs = {{"x", DataType::kFp32, {1}}},
                                       .outputs = {{"y", DataType::kFp32, {}}}},
                              .handler = std::move(handler),
                              .queue = std::move(queue)}),
              absl::OkStatus());
    model_ = registry_.Find("count").value();
  }
  absl::Status Ask(Seen& seen, InferTerms terms = {}) {
    InferRequest request = DoubleRequest("count", Floats({1}));
    request.id = "seven";
    model_->Stream(std::move(request), std::move(terms), std::make_unique<SeenSink>(seen));
    return seen.end.Take(absl::UnknownError("no end"));
  }
  static InferResponse Number(float value) { return {.outputs = {{"y", Floats({value}, {})}}}; }

  call_test::LogLines log_;
  ModelRegistry registry_{{.log = log_.log()}};
  std::shared_ptr<ServedModel> model_;
};

TEST_F(StreamingModelTest, GivesResponsesInOrderAndThenOneStatus) {
  for (const bool queued : {false, true}) {
    Load(
        [](Inference inference) {
          for (const float value : {1.F, 2.F}) {
            EXPECT_EQ(inference.Write(Number(value)), absl::OkStatus());
          }
          std::move(inference).Finish(absl::OkStatus());
        },
        queued ? std::optional(BatchOptions{}) : std::nullopt);
    Seen seen;
    EXPECT_EQ(Ask(seen), absl::OkStatus());
    EXPECT_THAT(seen.values, ElementsAre(1, 2));
    const ModelStatistics statistics = model_->Statistics();
    EXPECT_EQ(statistics.success.count, 1);
    EXPECT_EQ(statistics.inference_count, 1);
    EXPECT_EQ(statistics.responses.at(1).success.count, 1);
    EXPECT_EQ(statistics.responses.at(2).empty_response.count, 1);
    EXPECT_TRUE(model_->streaming());
  }
}

TEST_F(StreamingModelTest, TellsTheModelWhenNobodyListens) {
  absl::Status last;
  Load([&](Inference inference) {
    for (int i = 0; last.ok() && i < 10; ++i) last = inference.Write(Number(1));
    std::move(inference).Finish(last);
  });
  Seen seen;
  EXPECT_EQ(Ask(seen), absl::CancelledError("enough"));
  EXPECT_EQ(seen.values.size(), 3);
  EXPECT_EQ(model_->Statistics().responses.at(3).cancel.count, 1);
  EXPECT_EQ(model_->Statistics().fail.count, 1);
}

TEST_F(StreamingModelTest, MayAnswerLaterFromAnotherThread) {
  std::thread later;
  Load([&](Inference inference) {
    later = std::thread([inference = std::move(inference)]() mutable {
      EXPECT_EQ(inference.Write(Number(1)), absl::OkStatus());
      std::move(inference).Finish(absl::OkStatus());
    });
  });
  Seen seen;
  EXPECT_EQ(Ask(seen), absl::OkStatus());
  later.join();
}

TEST_F(StreamingModelTest, IsKeptUntilItsRequestIsFinished) {
  std::optional<Inference> kept;
  Counter freed;
  Load([&, held = std::shared_ptr<void>(nullptr, [&](void*) { freed.Add(); })](
           Inference inference) { kept.emplace(std::move(inference)); });
  Seen seen;
  model_->Stream(DoubleRequest("count", Floats({1})), {}, std::make_unique<SeenSink>(seen));
  model_.reset();
  EXPECT_EQ(registry_.Unload("count"), absl::OkStatus());
  EXPECT_EQ(freed.value(), 0);
  std::move(*kept).Finish(absl::OkStatus());
  EXPECT_TRUE(freed.Reaches(1));
}

TEST_F(StreamingModelTest, ThatDropsOrThrowsOrIsWrongSaysInternal) {
  Seen dropped;
  Load([](const Inference&) {});
  EXPECT_EQ(Ask(dropped), absl::InternalError("the model did not finish the request"));
  Seen thrown;
  Load([](const Inference&) { throw std::runtime_error("a secret"); });
  EXPECT_EQ(Ask(thrown), absl::InternalError("the model did not finish the request"));
  EXPECT_TRUE(log_.Says("model count threw: a secret"));
  Seen wrong;
  Load([](Inference inference) {
    const absl::Status status = inference.Write({.outputs = {{"z", Floats({1}, {})}}});
    EXPECT_EQ(inference.Write(Number(1)), status);
    std::move(inference).Finish(absl::OkStatus());
  });
  EXPECT_EQ(Ask(wrong), absl::InternalError("the model's output \"z\" is not in its spec"));
  EXPECT_THAT(wrong.values, IsEmpty());
}

TEST_F(StreamingModelTest, GetsNoRequestThatItsSpecDoesNotAllow) {
  Load([](const Inference&) { ADD_FAILURE() << "was called"; });
  Seen seen;
  model_->Stream({.model_name = "count"}, {}, std::make_unique<SeenSink>(seen));
  EXPECT_EQ(seen.end.Take(absl::UnknownError("no end")),
            absl::InvalidArgumentError("input \"x\" of model count is missing"));
}

TEST_F(StreamingModelTest, ThatWaitsInAQueueExpires) {
  Gate go_on;
  Counter began;
  Load(
      [&](Inference inference) {
        began.Add();
        EXPECT_TRUE(go_on.Opens());
        std::move(inference).Finish(absl::OkStatus());
      },
      BatchOptions{});
  Seen first, second;
  InferRequest request = DoubleRequest("count", Floats({1}));
  model_->Stream(request, {}, std::make_unique<SeenSink>(first));
  EXPECT_TRUE(began.Reaches(1));
  EXPECT_EQ(Ask(second, {.queue_timeout = absl::Milliseconds(1)}).code(),
            absl::StatusCode::kDeadlineExceeded);
  go_on.Open();
  EXPECT_EQ(first.end.Take(absl::UnknownError("no end")), absl::OkStatus());
  EXPECT_EQ(began.value(), 1);
}

TEST_F(StreamingModelTest, IsNotAskedForOneResponse) {
  Load([](const Inference&) {});
  EXPECT_EQ(registry_.Infer(DoubleRequest("count", Floats({1}))).status().code(),
            absl::StatusCode::kUnimplemented);
  ASSERT_EQ(registry_.Load(model_test::DoubleModel("count")), absl::OkStatus());
  model_ = registry_.Find("count").value();
  Seen seen;
  EXPECT_EQ(Ask(seen).code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace parley
