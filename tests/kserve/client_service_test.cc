// parley's client of the protocol and parley's service, on every wire: what either says, the other
// understands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "parley/kserve/client.h"
#include "parley/kserve/service.h"
#include "parley/version.h"
#include "tests/call/wire_fixture.h"
#include "tests/kserve/kserve_models.h"
#include "tests/model/models.h"

namespace parley::kserve {
namespace {

using call_test::HasCode;
using model_test::Floats;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr absl::StatusCode kNotFound = absl::StatusCode::kNotFound;

InferRequest SumRequest(const std::vector<float>& a, const std::vector<float>& b) {
  return {.model_name = "sum", .inputs = {{"a", Floats(a, {1, 2})}, {"b", Floats(b, {1, 2})}}};
}
InferRequest RepeatRequest(const std::vector<std::int32_t>& numbers) {
  const auto count = static_cast<std::int64_t>(numbers.size());
  return {.model_name = "repeat",
          .id = "seven",
          .inputs = {{"IN", Tensor::CopyOf(std::span(numbers), {count}).value()}}};
}
std::vector<std::int32_t> NumbersOf(InferStream& stream) {
  std::vector<std::int32_t> numbers;
  for (const InferResponse& response : stream) {
    EXPECT_EQ(response.id, "seven");
    numbers.push_back(response.Output<std::int32_t>("OUT").value()[0]);
  }
  return numbers;
}

class ClientServiceTest : public call_test::EveryWire {
 protected:
  ClientServiceTest() { EXPECT_EQ(kserve_test::LoadModels(registry_), absl::OkStatus()); }
  ~ClientServiceTest() override { DestroyServer(); }

  Client StartAndConnect(ServiceOptions options = {}) {
    AddService(server(), registry_, std::move(options));
    Start();
    return Client(Connect());
  }

  ModelRegistry registry_{{.loader = kserve_test::LoadOnRequest}};
};

TEST_P(ClientServiceTest, InferWithBatches) {
  const Client client = StartAndConnect();
  auto one = client.AsyncInfer(SumRequest({1, 2}, {10, 20}));
  auto two = client.AsyncInfer(SumRequest({3, 4}, {30, 40}));
  const auto sum_of = [](const absl::StatusOr<InferResponse>& response) {
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? model_test::ValuesOf(*response->FindOutput("sum"))
                         : std::vector<float>();
  };
  EXPECT_THAT(sum_of(std::move(one).Wait()), ElementsAre(11, 22));
  EXPECT_THAT(sum_of(std::move(two).Wait()), ElementsAre(33, 44));
}

TEST_P(ClientServiceTest, InferWithTensorsOfEveryType) {
  const Client client = StartAndConnect();
  const auto echo = [&](const Tensor& in) {
    const std::string name = absl::StrCat("identity_", std::string(DataTypeName(in.type())));
    const absl::StatusOr<InferResponse> response =
        client.Infer({.model_name = name, .inputs = {{"INPUT", in}}});
    ASSERT_TRUE(response.ok()) << response.status();
    const Tensor* const out = response->FindOutput("OUTPUT");
    ASSERT_NE(out, nullptr);
    EXPECT_EQ(out->type(), in.type());
    EXPECT_EQ(out->shape(), in.shape());
    EXPECT_EQ(out->bytes(), in.bytes());
  };
  for (int type = 1; type <= static_cast<int>(DataType::kBf16); ++type) {
    const auto data_type = static_cast<DataType>(type);
    if (data_type == DataType::kBytes) continue;
    Buffer bytes;
    bytes.Append(std::string(3 * ElementBytes(data_type), '\x01'));
    echo(Tensor::FromBuffer(data_type, {3}, bytes).value());
  }
  const std::vector<std::string_view> texts = {"one", "", std::string_view("\xff\0", 2)};
  echo(Tensor::OfBytes(texts, {3}).value());
}

TEST_P(ClientServiceTest, StreamAnyNumberOfResponses) {
  const Client client = StartAndConnect();
  for (const bool says_the_end : {false, true}) {
    InferRequest request = RepeatRequest({3, 1, 2});
    if (says_the_end) request.parameters.emplace("triton_enable_empty_final_response", true);
    InferStream stream = client.StreamInfer(request);
    EXPECT_THAT(NumbersOf(stream), ElementsAre(3, 1, 2));
    EXPECT_EQ(stream.Finish(), absl::OkStatus());
  }
  InferStream none = client.StreamInfer(RepeatRequest({}));
  EXPECT_THAT(NumbersOf(none), IsEmpty());
  EXPECT_EQ(none.Finish(), absl::OkStatus());
}

TEST_P(ClientServiceTest, StreamTheOneResponseOfAnotherModel) {
  const Client client = StartAndConnect();
  InferStream stream = client.StreamInfer(SumRequest({1, 2}, {10, 20}));
  const std::optional<InferResponse> response = stream.Next();
  ASSERT_TRUE(response.has_value());
  EXPECT_THAT(response->Output<float>("sum").value(), ElementsAre(11, 22));
  EXPECT_EQ(stream.Next(), std::nullopt);
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
}

TEST_P(ClientServiceTest, EndAStreamWithTheStatusOfItsError) {
  const Client client = StartAndConnect();
  InferRequest request = RepeatRequest({1, 2});
  request.parameters.emplace("fail", true);
  InferStream failed = client.StreamInfer(request);
  EXPECT_THAT(NumbersOf(failed), ElementsAre(1, 2));
  EXPECT_EQ(failed.Finish(), absl::DataLossError("as was asked for"));
  InferStream unknown = client.StreamInfer({.model_name = "triple"});
  EXPECT_THAT(NumbersOf(unknown), IsEmpty());
  EXPECT_EQ(unknown.Finish(), absl::NotFoundError("there is no model \"triple\""));
}

TEST_P(ClientServiceTest, GiveErrorsWithTheirCodes) {
  const Client client = StartAndConnect();
  EXPECT_EQ(client.Infer({.model_name = "fail"}).status(),
            absl::FailedPreconditionError("as always"));
  EXPECT_THAT(client.Infer({.model_name = "triple"}).status(), HasCode(kNotFound));
  EXPECT_THAT(client.Infer({.model_name = "sum"}).status(),
              HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(client.Infer(RepeatRequest({1})).status(), HasCode(absl::StatusCode::kUnimplemented));
  EXPECT_THAT(client.ModelReady("triple").status(), HasCode(kNotFound));
  EXPECT_THAT(client.ModelMetadata("sum", "2").status(), HasCode(kNotFound));
  EXPECT_THAT(client.ModelConfig("sum", "last").status(),
              HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(client.ModelStatistics("triple").status(), HasCode(kNotFound));
  EXPECT_THAT(client.LoadModel({.name = "loaded"}), HasCode(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(client.UnloadModel("sum"), HasCode(absl::StatusCode::kPermissionDenied));
}

TEST_P(ClientServiceTest, TellOfTheServerAndItsModels) {
  const Client client = StartAndConnect({.server_name = "hall"});
  EXPECT_TRUE(client.ServerLive().value_or(false));
  EXPECT_TRUE(client.ServerReady().value_or(false));
  EXPECT_TRUE(client.ModelReady("versions", "3").value_or(false));
  const absl::StatusOr<ServerDescription> server = client.ServerMetadata();
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_EQ(server->name, "hall");
  EXPECT_EQ(server->version, PARLEY_VERSION);
  EXPECT_THAT(server->extensions, Contains("statistics"));
  EXPECT_THAT(server->extensions, Not(Contains("model_repository")));
  const absl::StatusOr<ModelDescription> versions = client.ModelMetadata("versions");
  ASSERT_TRUE(versions.ok()) << versions.status();
  EXPECT_THAT(versions->versions, ElementsAre("1", "3"));
  const absl::StatusOr<ModelDescription> sum = client.ModelMetadata("sum");
  ASSERT_TRUE(sum.ok()) << sum.status();
  ASSERT_THAT(sum->inputs, SizeIs(2));
  EXPECT_EQ(sum->inputs[1].name, "b");
  EXPECT_EQ(sum->inputs[1].type, DataType::kFp32);
  EXPECT_THAT(sum->inputs[1].shape, ElementsAre(-1, 2));
}

TEST_P(ClientServiceTest, TellOfConfigurations) {
  const Client client = StartAndConnect();
  const absl::StatusOr<ModelConfiguration> sum = client.ModelConfig("sum", "1");
  ASSERT_TRUE(sum.ok()) << sum.status();
  EXPECT_EQ(sum->spec.version, 1);
  EXPECT_EQ(sum->spec.max_batch_size, 8);
  EXPECT_THAT(sum->spec.inputs.at(0).shape, ElementsAre(2));
  EXPECT_FALSE(sum->streaming);
  ASSERT_TRUE(sum->queue.has_value());
  EXPECT_EQ(sum->queue->max_batch_size, 8);
  EXPECT_EQ(sum->queue->max_queue_delay, absl::Milliseconds(5));
  EXPECT_EQ(sum->queue->priority_levels, 2);
  EXPECT_EQ(sum->queue->max_queued_requests, BatchOptions().max_queued_requests);
  EXPECT_EQ(sum->queue->queue_timeout, absl::InfiniteDuration());
  const absl::StatusOr<ModelConfiguration> repeat = client.ModelConfig("repeat");
  ASSERT_TRUE(repeat.ok()) << repeat.status();
  EXPECT_EQ(repeat->spec.version, 0);
  EXPECT_TRUE(repeat->streaming);
  EXPECT_FALSE(repeat->queue.has_value());
}

TEST_P(ClientServiceTest, TellOfStatistics) {
  const Client client = StartAndConnect();
  ASSERT_TRUE(client.Infer(SumRequest({1, 2}, {3, 4})).ok());
  InferStream stream = client.StreamInfer(RepeatRequest({1, 2}));
  EXPECT_THAT(NumbersOf(stream), SizeIs(2));
  ASSERT_EQ(stream.Finish(), absl::OkStatus());
  const auto of_sum = client.ModelStatistics("sum");
  ASSERT_TRUE(of_sum.ok()) << of_sum.status();
  ASSERT_THAT(*of_sum, SizeIs(1));
  const StatisticsEntry& sum = (*of_sum)[0];
  const ModelStatistics told = registry_.Find("sum").value()->Statistics();
  EXPECT_EQ(sum.name, "sum");
  EXPECT_EQ(sum.version, "1");
  EXPECT_EQ(sum.statistics.success.count, 1);
  EXPECT_EQ(sum.statistics.execution_count, 1);
  EXPECT_EQ(sum.statistics.batches.count(1), 1);
  EXPECT_LT(told.success.total - sum.statistics.success.total, absl::Nanoseconds(1));
  EXPECT_LT(told.last_inference - sum.statistics.last_inference, absl::Milliseconds(1));
  const auto of_repeat = client.ModelStatistics("repeat", "1");
  ASSERT_TRUE(of_repeat.ok()) << of_repeat.status();
  ASSERT_THAT(*of_repeat, SizeIs(1));
  EXPECT_EQ((*of_repeat)[0].statistics.responses.at(1).success.count, 1);
  EXPECT_THAT(client.ModelStatistics("versions").value(), SizeIs(2));
  EXPECT_THAT(client.ModelStatistics().value(), SizeIs(registry_.Index().size()));
}

TEST_P(ClientServiceTest, LoadAndUnloadModels) {
  const Client client = StartAndConnect({.allow_model_control = true});
  EXPECT_THAT(client.ModelReady("loaded").status(), HasCode(kNotFound));
  EXPECT_EQ(client.LoadModel({.name = "loaded", .config = "refuse"}),
            absl::FailedPreconditionError("that is refused"));
  ASSERT_EQ(client.LoadModel({.name = "loaded", .files = {{"5/model", "\xff"}}}), absl::OkStatus());
  EXPECT_TRUE(client.ModelReady("loaded", "5").value_or(false));
  ASSERT_EQ(client.UnloadModel("loaded"), absl::OkStatus());
  EXPECT_FALSE(client.ModelReady("loaded", "5").value_or(true));
  const auto index = client.RepositoryIndex();
  ASSERT_TRUE(index.ok()) << index.status();
  const auto loaded = std::find_if(index->begin(), index->end(), [](const ModelIndexEntry& entry) {
    return entry.name == "loaded";
  });
  ASSERT_NE(loaded, index->end());
  EXPECT_EQ(loaded->version, 5);
  EXPECT_EQ(loaded->state, ModelState::kUnavailable);
  EXPECT_EQ(loaded->reason, "unloaded");
  EXPECT_THAT(*index, SizeIs(registry_.Index().size()));
}

TEST_P(ClientServiceTest, StopARequestThatNobodyWaitsForAnyMore) {
  const Client client = StartAndConnect();
  EXPECT_THAT(client.Infer({.model_name = "wait"}, {.timeout = absl::Milliseconds(50)}).status(),
              HasCode(absl::StatusCode::kDeadlineExceeded));
  InferStream stream = client.StreamInfer({.model_name = "wait"});
  EXPECT_THAT(stream.Finish(), HasCode(absl::StatusCode::kCancelled));
}

INSTANTIATE_TEST_SUITE_P(All, ClientServiceTest, testing::ValuesIn(call_test::kWires),
                         call_test::NameOf<call_test::WireRow>);

}  // namespace
}  // namespace parley::kserve
