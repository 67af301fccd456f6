// What the service says to each of the protocol's calls, on every wire.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "grpc_service.pb.h"
#include "tests/kserve/kserve_fixture.h"

namespace parley::kserve_test {
namespace {

using call_test::HasCode;
using call_test::IsStatus;
using call_test::kWires;
using call_test::NameOf;
using call_test::WireRow;
using model_test::Floats;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kNotFound = absl::StatusCode::kNotFound;
constexpr absl::StatusCode kUnavailable = absl::StatusCode::kUnavailable;

class KServe : public EveryWireKServe {};
INSTANTIATE_TEST_SUITE_P(All, KServe, testing::ValuesIn(kWires), NameOf<WireRow>);

TEST_P(KServe, AnswersAnInference) {
  Serve();
  const kserve::Client client = ConnectKServe();
  InferRequest request = Identity({1, 2});
  request.id = "seven";
  request.parameters = {{"mine", 0.5}};
  const absl::StatusOr<InferResponse> response = client.Infer(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->model_name, "identity_INT32");
  EXPECT_EQ(response->model_version, "1");
  EXPECT_EQ(response->id, "seven");
  EXPECT_EQ(response->parameters, request.parameters);
  EXPECT_THAT(response->Output<std::int32_t>("OUTPUT").value(), ElementsAre(1, 2));
}

TEST_P(KServe, BatchesWhatComesTogether) {
  Serve();
  const kserve::Client client = ConnectKServe();
  std::vector<Pending<absl::StatusOr<InferResponse>>> pending;
  for (int i = 0; i < 8; ++i) {
    const auto number = static_cast<float>(i);
    pending.push_back(client.AsyncInfer(
        {.model_name = "sum",
         .inputs = {{"a", Floats({number, 1}, {1, 2})}, {"b", Floats({10, 20}, {1, 2})}}}));
  }
  for (int i = 0; i < 8; ++i) {
    const absl::StatusOr<InferResponse> response =
        std::move(pending[static_cast<std::size_t>(i)]).Wait();
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_THAT(response->Output<float>("sum").value(), ElementsAre(10 + i, 21));
  }
}

TEST_P(KServe, SaysWhatIsWrongWithAnInference) {
  Serve();
  const kserve::Client client = ConnectKServe();
  const auto error = [&](auto change) {
    InferRequest request = Identity({1});
    change(request);
    return client.Infer(request).status();
  };
  EXPECT_EQ(error([](InferRequest& request) { request.model_name = "none"; }),
            absl::NotFoundError("there is no model \"none\""));
  EXPECT_EQ(error([](InferRequest& request) { request.model_version = "2"; }),
            absl::NotFoundError("model identity_INT32 has no version 2"));
  EXPECT_THAT(error([](InferRequest& request) { request.model_version = "-1"; }),
              HasCode(kInvalid));
  EXPECT_THAT(error([](InferRequest& request) { request.inputs.clear(); }), HasCode(kInvalid));
  EXPECT_THAT(error([](InferRequest& request) {
                request.parameters = {{"triton_x", true}};
              }),
              HasCode(kInvalid));
  EXPECT_THAT(error([](InferRequest& request) {
                request.parameters = {{"priority", std::int64_t{2}}};
              }),
              HasCode(absl::StatusCode::kOk));  // the model has no queue
  EXPECT_THAT(error([](InferRequest& request) {
                request.parameters = {{"sequence_id", std::int64_t{2}}};
              }),
              HasCode(absl::StatusCode::kUnimplemented));
  EXPECT_EQ(client.Infer({.model_name = "fail"}).status(),
            absl::FailedPreconditionError("as always"));
  EXPECT_THAT(client.Infer(Repeat({1})).status(), HasCode(absl::StatusCode::kUnimplemented));
  EXPECT_THAT(client
                  .Infer({.model_name = "sum",
                          .parameters = {{"priority", std::uint64_t{3}}},
                          .inputs = {{"a", Floats({1, 2}, {1, 2})}, {"b", Floats({1, 2}, {1, 2})}}})
                  .status(),
              HasCode(kInvalid));
}

TEST_P(KServe, EndsAnInferenceAtItsDeadlineAndWhenItIsCancelled) {
  Serve();
  const kserve::Client client = ConnectKServe();
  EXPECT_THAT(client.Infer({.model_name = "wait"}, {.timeout = absl::Milliseconds(50)}).status(),
              HasCode(absl::StatusCode::kDeadlineExceeded));
  { const auto dropped = client.AsyncInfer({.model_name = "wait"}); }
  // Both are told to stop, or the server would wait for them.
}

TEST_P(KServe, IsLiveAndReady) {
  Serve();
  const kserve::Client client = ConnectKServe();
  EXPECT_EQ(client.ServerLive().value(), true);
  EXPECT_EQ(client.ServerReady().value(), true);
  EXPECT_EQ(client.ModelReady("versions").value(), true);
  EXPECT_EQ(client.ModelReady("versions", "1").value(), true);
  EXPECT_THAT(client.ModelReady("versions", "2").status(), HasCode(kNotFound));
  EXPECT_THAT(client.ModelReady("none").status(), HasCode(kNotFound));
  EXPECT_THAT(client.ModelReady("versions", "-1").status(), HasCode(kInvalid));
  EXPECT_EQ(client.UnloadModel("versions"), absl::OkStatus());
  EXPECT_EQ(client.ModelReady("versions").value(), false);
  EXPECT_THAT(client.Infer({.model_name = "versions"}).status(), HasCode(kUnavailable));
}

TEST_P(KServe, IsNotReadyWhileAModelWarmsUp) {
  Serve();
  const kserve::Client client = ConnectKServe();
  constexpr Unary<std::string, std::string> kCheck{"grpc.health.v1.Health/Check"};
  const parley::Client health = Connect();
  const auto status = [&] { return health.Call(kCheck, "").value_or("an error"); };
  EXPECT_EQ(status(), "\x08\x01");
  Model model = model_test::DoubleModel("slow");
  model.warm_up = [&] {
    EXPECT_EQ(client.ServerReady().value(), false);
    EXPECT_EQ(client.ModelReady("slow").value(), false);
    EXPECT_EQ(status(), "\x08\x02");
    return absl::OkStatus();
  };
  EXPECT_EQ(registry_.Load(std::move(model)), absl::OkStatus());
  EXPECT_EQ(client.ServerReady().value(), true);
  EXPECT_EQ(status(), "\x08\x01");
}

TEST_P(KServe, DescribesItselfAndAdvertisesOnlyWhatIsTrue) {
  Serve({.server_name = "mine"});
  const kserve::Client client = ConnectKServe();
  const auto server = client.ServerMetadata().value();
  EXPECT_EQ(server.name, "mine");
  EXPECT_EQ(server.version, PARLEY_VERSION);
  EXPECT_THAT(server.extensions, ElementsAre("schedule_policy", "model_configuration",
                                             "binary_tensor_data", "parameters", "statistics"));
}

TEST_P(KServe, DescribesItsModels) {
  Serve();
  const kserve::Client client = ConnectKServe();
  const auto metadata = client.ModelMetadata("versions").value();
  EXPECT_EQ(metadata.name, "versions");
  EXPECT_THAT(metadata.versions, ElementsAre("1", "3"));
  EXPECT_EQ(metadata.platform, "parley");
  const auto sum = client.ModelMetadata("sum").value();
  ASSERT_EQ(sum.inputs.size(), 2);
  EXPECT_EQ(sum.inputs[1].name, "b");
  EXPECT_EQ(sum.inputs[1].type, DataType::kFp32);
  EXPECT_THAT(sum.inputs[1].shape, ElementsAre(-1, 2));
  const auto config = client.ModelConfig("sum").value();
  EXPECT_THAT(config.spec.inputs[1].shape, ElementsAre(2));
  EXPECT_EQ(config.spec.max_batch_size, 8);
  EXPECT_FALSE(config.streaming);
  ASSERT_TRUE(config.queue.has_value());
  EXPECT_EQ(config.queue->max_queue_delay, absl::Milliseconds(5));
  EXPECT_EQ(config.queue->priority_levels, 2);
  EXPECT_TRUE(client.ModelConfig("repeat").value().streaming);
  EXPECT_THAT(client.ModelConfig("none").status(), HasCode(kNotFound));
  EXPECT_THAT(client.ModelMetadata("none").status(), HasCode(kNotFound));
}

TEST_P(KServe, CountsWhatItsModelsDo) {
  Serve();
  const kserve::Client client = ConnectKServe();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(client.Infer(Identity({1})).ok());
  EXPECT_FALSE(client.Infer({.model_name = "identity_INT32"}).ok());
  const auto statistics = client.ModelStatistics("identity_INT32").value();
  ASSERT_EQ(statistics.size(), 1);
  EXPECT_EQ(statistics[0].name, "identity_INT32");
  EXPECT_EQ(statistics[0].version, "1");
  EXPECT_EQ(statistics[0].statistics.success.count, 3);
  EXPECT_EQ(statistics[0].statistics.fail.count, 1);
  EXPECT_EQ(statistics[0].statistics.inference_count, 3);
  EXPECT_GT(statistics[0].statistics.success.total, absl::ZeroDuration());
  EXPECT_EQ(client.ModelStatistics("versions").value().size(), 2);
  EXPECT_EQ(client.ModelStatistics("versions", "3").value().size(), 1);
  EXPECT_EQ(client.ModelStatistics().value().size(), registry_.Ready().size());
  EXPECT_THAT(client.ModelStatistics("none").status(), HasCode(kNotFound));
}

TEST_P(KServe, LoadsAndUnloadsModelsOnRequest) {
  Serve();
  const kserve::Client client = ConnectKServe();
  EXPECT_THAT(client.Infer({.model_name = "loaded"}).status(), HasCode(kNotFound));
  EXPECT_EQ(client.LoadModel({.name = "loaded", .files = {{"7/model", "bytes"}}}),
            absl::OkStatus());
  InferRequest request = Identity({1});
  request.model_name = "loaded";
  EXPECT_EQ(client.Infer(request).value().model_version, "7");
  EXPECT_EQ(client.LoadModel({.name = "loaded", .config = "refuse"}),
            absl::FailedPreconditionError("that is refused"));
  EXPECT_THAT(client.LoadModel({.name = "other"}), HasCode(kNotFound));
  EXPECT_EQ(client.UnloadModel("loaded"), absl::OkStatus());
  EXPECT_THAT(client.UnloadModel("none"), HasCode(kNotFound));
  EXPECT_THAT(client.Infer(request).status(), HasCode(kUnavailable));
  const auto index = client.RepositoryIndex().value();
  EXPECT_EQ(index.size(), registry_.Index().size());
  EXPECT_THAT(index, Contains(testing::AllOf(
                         testing::Field(&ModelIndexEntry::name, "loaded"),
                         testing::Field(&ModelIndexEntry::state, ModelState::kUnavailable),
                         testing::Field(&ModelIndexEntry::reason, "unloaded"))));
}

TEST_P(KServe, TellsWhyAModelIsNotThereWhateverItsBytes) {
  Serve();
  Model model = model_test::DoubleModel("cold");
  model.warm_up = [] { return absl::DataLossError("\xff"); };
  EXPECT_FALSE(registry_.Load(std::move(model)).ok());
  EXPECT_THAT(ConnectKServe().RepositoryIndex().value(),
              Contains(testing::Field(&ModelIndexEntry::reason, HasSubstr("warm up: \\377"))));
}

TEST_P(KServe, LetsNobodyLoadOrUnloadUnlessAskedTo) {
  Serve({});
  const kserve::Client client = ConnectKServe();
  EXPECT_THAT(client.LoadModel({.name = "loaded"}), HasCode(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(client.UnloadModel("sum"), HasCode(absl::StatusCode::kPermissionDenied));
  EXPECT_TRUE(client.RepositoryIndex().ok());
}

template <class Q, class A>
absl::Status CallStatus(const parley::Client& client, const char* path, const Q& request) {
  return client.Call(Unary<Q, A>{path}, request).status();
}

TEST_P(KServe, RefusesRepositoriesAndParametersThatThereAreNot) {
  Serve();
  const parley::Client client = Connect();
  const auto load = [&](const inference::RepositoryModelLoadRequest& request) {
    return CallStatus<inference::RepositoryModelLoadRequest,
                      inference::RepositoryModelLoadResponse>(
        client, "inference.GRPCInferenceService/RepositoryModelLoad", request);
  };
  const auto unload = [&](const inference::RepositoryModelUnloadRequest& request) {
    return CallStatus<inference::RepositoryModelUnloadRequest,
                      inference::RepositoryModelUnloadResponse>(
        client, "inference.GRPCInferenceService/RepositoryModelUnload", request);
  };
  inference::RepositoryModelLoadRequest load_request;
  load_request.set_model_name("loaded");
  load_request.set_repository_name("r");
  EXPECT_THAT(load(load_request), HasCode(absl::StatusCode::kUnimplemented));
  load_request.clear_repository_name();
  (*load_request.mutable_parameters())["config"].set_bool_param(true);
  EXPECT_THAT(load(load_request), IsStatus(kInvalid, HasSubstr("\"config\" is not a string")));
  load_request.clear_parameters();
  (*load_request.mutable_parameters())["file:1/model"].set_string_param("x");
  EXPECT_THAT(load(load_request), IsStatus(kInvalid, HasSubstr("is not bytes")));
  load_request.clear_parameters();
  (*load_request.mutable_parameters())["other"].set_string_param("x");
  EXPECT_THAT(load(load_request), IsStatus(kInvalid, HasSubstr("\"other\" is neither")));
  inference::RepositoryModelUnloadRequest unload_request;
  unload_request.set_model_name("versions");
  (*unload_request.mutable_parameters())["unload_dependents"].set_string_param("x");
  EXPECT_THAT(unload(unload_request), IsStatus(kInvalid, HasSubstr("is not a bool")));
  (*unload_request.mutable_parameters())["unload_dependents"].set_bool_param(true);
  EXPECT_EQ(unload(unload_request), absl::OkStatus());
}

TEST_P(KServe, SaysInvalidArgumentOfBytesThatAreNoRequest) {
  Serve();
  const parley::Client client = Connect();
  constexpr Unary<std::string, std::string> kInfer{"inference.GRPCInferenceService/ModelInfer"};
  EXPECT_THAT(client.Call(kInfer, "\xff\xff").status(),
              IsStatus(kInvalid, "bytes that are no ModelInferRequest"));
}

TEST_P(KServe, DoesNotServeSharedMemoryTracingOrLogging) {
  Serve();
  const parley::Client client = Connect();
  for (const char* method :
       {"SystemSharedMemoryStatus", "CudaSharedMemoryRegister", "TraceSetting", "LogSettings"}) {
    const std::string path = std::string("inference.GRPCInferenceService/") + method;
    EXPECT_THAT(client.Call(Unary<std::string, std::string>{path}, "").status(),
                HasCode(absl::StatusCode::kUnimplemented));
  }
}

}  // namespace
}  // namespace parley::kserve_test
