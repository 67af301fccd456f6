// The protocol's calls of one response, as a server gets them and a client takes the answers. The
// messages are those that protoc makes of the published protocol.
#include "parley/kserve/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpc_service.pb.h"
#include "tests/call/wire_fixture.h"
#include "tests/model/models.h"

namespace parley::kserve {
namespace {

using call_test::Gate;
using call_test::HasCode;
using call_test::IsStatus;
using model_test::DoubleRequest;
using model_test::Floats;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// The last request, which a handler's thread has received.
template <class Q>
class Kept {
 public:
  void Put(const Q& request) {
    const std::lock_guard lock(mutex_);
    request_ = request;
  }
  Q Get() const {
    const std::lock_guard lock(mutex_);
    return request_;
  }

 private:
  mutable std::mutex mutex_;
  Q request_;
};

class ClientTest : public call_test::EveryWire {
 protected:
  // Serves `method` with one response, and keeps the request.
  template <class Q, class A>
  void Answer(std::string_view path, A response, Kept<Q>& received) {
    server().Register(Unary<Q, A>{path},
                      [response = std::move(response), &received](
                          Context&, const Q& request) -> absl::StatusOr<A> {
                        received.Put(request);
                        return response;
                      });
  }
  Client StartAndConnect() {
    Start();
    return Client(Connect());
  }
};

TEST_P(ClientTest, InfersWithTheTensorsThatItIsGiven) {
  server().Register(kModelInfer,
                    [](Context&, const InferRequest& request) -> absl::StatusOr<InferResponse> {
                      const Tensor y = model_test::Doubled(*request.FindInput("x"));
                      return InferResponse{.model_name = request.model_name,
                                           .model_version = "3",
                                           .id = request.id,
                                           .parameters = request.parameters,
                                           .outputs = {{"y", y}}};
                    });
  const Client client = StartAndConnect();
  for (const std::size_t count : std::vector<std::size_t>{0, 3, 300'000}) {
    InferRequest request = DoubleRequest("double", Floats(std::vector<float>(count, 1.5F)));
    request.id = "seven";
    request.parameters = {{"p", std::int64_t{-1}}};
    for (const bool async : {false, true}) {
      const absl::StatusOr<InferResponse> response =
          async ? client.AsyncInfer(request).Wait() : client.Infer(request);
      ASSERT_TRUE(response.ok()) << response.status();
      EXPECT_EQ(response->model_name, "double");
      EXPECT_EQ(response->model_version, "3");
      EXPECT_EQ(response->id, "seven");
      EXPECT_EQ(response->parameters, request.parameters);
      EXPECT_EQ(model_test::ValuesOf(*response->FindOutput("y")), std::vector<float>(count, 3));
    }
  }
}

TEST_P(ClientTest, GivesTheServersError) {
  server().Register(kModelInfer,
                    [](Context&, const InferRequest& request) -> absl::StatusOr<InferResponse> {
                      return absl::NotFoundError(absl::StrCat("no ", request.model_name));
                    });
  const Client client = StartAndConnect();
  const InferRequest request = DoubleRequest("double", Floats({1}));
  EXPECT_EQ(client.Infer(request).status(), absl::NotFoundError("no double"));
  EXPECT_EQ(client.AsyncInfer(request).Wait().status(), absl::NotFoundError("no double"));
}

TEST_P(ClientTest, SaysUnimplementedOfWhatTheServerDoesNotSpeak) {
  const Client client = StartAndConnect();
  constexpr absl::StatusCode kUnimplemented = absl::StatusCode::kUnimplemented;
  EXPECT_THAT(client.Infer(DoubleRequest("double", Floats({1}))).status(), HasCode(kUnimplemented));
  EXPECT_THAT(client.ServerLive().status(), HasCode(kUnimplemented));
  EXPECT_THAT(client.ServerReady().status(), HasCode(kUnimplemented));
  EXPECT_THAT(client.ModelReady("double").status(), HasCode(kUnimplemented));
  EXPECT_THAT(client.ServerMetadata().status(), HasCode(kUnimplemented));
  EXPECT_THAT(client.ModelMetadata("double").status(), HasCode(kUnimplemented));
  EXPECT_THAT(client.ModelConfig("double").status(), HasCode(kUnimplemented));
  EXPECT_THAT(client.ModelStatistics().status(), HasCode(kUnimplemented));
  EXPECT_THAT(client.RepositoryIndex().status(), HasCode(kUnimplemented));
  EXPECT_THAT(client.LoadModel({.name = "double"}), HasCode(kUnimplemented));
  EXPECT_THAT(client.UnloadModel("double"), HasCode(kUnimplemented));
}

TEST_P(ClientTest, TellsWhatIsLiveAndReady) {
  Kept<inference::ServerLiveRequest> live_request;
  inference::ServerLiveResponse live;
  live.set_live(true);
  Answer("inference.GRPCInferenceService/ServerLive", live, live_request);
  Kept<inference::ServerReadyRequest> ready_request;
  Answer("inference.GRPCInferenceService/ServerReady", inference::ServerReadyResponse(),
         ready_request);
  Kept<inference::ModelReadyRequest> model_request;
  inference::ModelReadyResponse model;
  model.set_ready(true);
  Answer("inference.GRPCInferenceService/ModelReady", model, model_request);
  const Client client = StartAndConnect();
  EXPECT_TRUE(client.ServerLive().value_or(false));
  EXPECT_FALSE(client.ServerReady().value_or(true));
  EXPECT_TRUE(client.ModelReady("double", "3").value_or(false));
  EXPECT_EQ(model_request.Get().name(), "double");
  EXPECT_EQ(model_request.Get().version(), "3");
}

TEST_P(ClientTest, TellsMetadata) {
  inference::ServerMetadataResponse server;
  server.set_name(std::string("triton"));
  server.set_version(std::string("2.50"));
  server.add_extensions(std::string("statistics"));
  Kept<inference::ServerMetadataRequest> server_request;
  Answer("inference.GRPCInferenceService/ServerMetadata", server, server_request);
  inference::ModelMetadataResponse model;
  model.set_name(std::string("double"));
  model.add_versions(std::string("3"));
  model.set_platform(std::string("onnx"));
  auto& input = *model.add_inputs();
  input.set_name(std::string("x"));
  input.set_datatype(std::string("FP32"));
  input.add_shape(-1);
  model.add_outputs()->set_datatype(std::string("FP8"));
  Kept<inference::ModelMetadataRequest> model_request;
  Answer("inference.GRPCInferenceService/ModelMetadata", model, model_request);

  const Client client = StartAndConnect();
  const absl::StatusOr<ServerDescription> of_server = client.ServerMetadata();
  ASSERT_TRUE(of_server.ok()) << of_server.status();
  EXPECT_EQ(of_server->name, "triton");
  EXPECT_EQ(of_server->version, "2.50");
  EXPECT_THAT(of_server->extensions, ElementsAre("statistics"));
  const absl::StatusOr<ModelDescription> of_model = client.ModelMetadata("double", "3");
  ASSERT_TRUE(of_model.ok()) << of_model.status();
  EXPECT_EQ(model_request.Get().name(), "double");
  EXPECT_EQ(model_request.Get().version(), "3");
  EXPECT_EQ(of_model->name, "double");
  EXPECT_EQ(of_model->platform, "onnx");
  EXPECT_THAT(of_model->versions, ElementsAre("3"));
  ASSERT_THAT(of_model->inputs, SizeIs(1));
  EXPECT_EQ(of_model->inputs[0].name, "x");
  EXPECT_EQ(of_model->inputs[0].type, DataType::kFp32);
  EXPECT_THAT(of_model->inputs[0].shape, ElementsAre(-1));
  ASSERT_THAT(of_model->outputs, SizeIs(1));
  EXPECT_EQ(of_model->outputs[0].type, DataType::kInvalid);
}

TEST_P(ClientTest, TellsConfigurationAndStatistics) {
  inference::ModelConfigResponse config;
  config.mutable_config()->set_name(std::string("double"));
  config.mutable_config()->set_max_batch_size(4);
  config.mutable_config()->mutable_model_transaction_policy()->set_decoupled(true);
  Kept<inference::ModelConfigRequest> config_request;
  Answer("inference.GRPCInferenceService/ModelConfig", config, config_request);
  inference::ModelStatisticsResponse statistics;
  for (const char* version : {"1", "2"}) {
    auto& entry = *statistics.add_model_stats();
    entry.set_name(std::string("double"));
    entry.set_version(version);
    entry.mutable_inference_stats()->mutable_fail()->set_count(5);
  }
  Kept<inference::ModelStatisticsRequest> statistics_request;
  Answer("inference.GRPCInferenceService/ModelStatistics", statistics, statistics_request);

  const Client client = StartAndConnect();
  const absl::StatusOr<ModelConfiguration> configuration = client.ModelConfig("double", "3");
  ASSERT_TRUE(configuration.ok()) << configuration.status();
  EXPECT_EQ(config_request.Get().version(), "3");
  EXPECT_EQ(configuration->spec.name, "double");
  EXPECT_EQ(configuration->spec.version, 3);
  EXPECT_EQ(configuration->spec.max_batch_size, 4);
  EXPECT_TRUE(configuration->streaming);
  const auto entries = client.ModelStatistics("double");
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_EQ(statistics_request.Get().name(), "double");
  EXPECT_EQ(statistics_request.Get().version(), "");
  ASSERT_THAT(*entries, SizeIs(2));
  EXPECT_EQ((*entries)[1].version, "2");
  EXPECT_EQ((*entries)[1].statistics.fail.count, 5);
}

TEST_P(ClientTest, TellsAndChangesWhatIsLoaded) {
  inference::RepositoryIndexResponse index;
  index.add_models()->set_name(std::string("double"));
  index.mutable_models(0)->set_state(std::string("READY"));
  Kept<inference::RepositoryIndexRequest> index_request;
  Answer("inference.GRPCInferenceService/RepositoryIndex", index, index_request);
  Kept<inference::RepositoryModelLoadRequest> load;
  Answer("inference.GRPCInferenceService/RepositoryModelLoad",
         inference::RepositoryModelLoadResponse(), load);
  Kept<inference::RepositoryModelUnloadRequest> unload;
  Answer("inference.GRPCInferenceService/RepositoryModelUnload",
         inference::RepositoryModelUnloadResponse(), unload);

  const Client client = StartAndConnect();
  const auto entries = client.RepositoryIndex();
  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_THAT(*entries, SizeIs(1));
  EXPECT_EQ((*entries)[0].name, "double");
  EXPECT_EQ((*entries)[0].state, ModelState::kReady);
  EXPECT_EQ(client.LoadModel({.name = "double"}), absl::OkStatus());
  EXPECT_EQ(load.Get().model_name(), "double");
  EXPECT_THAT(load.Get().parameters(), IsEmpty());
  const std::string bytes("\xff\0", 2);
  EXPECT_EQ(client.LoadModel({.name = "double", .config = "{}", .files = {{"1/model", bytes}}}),
            absl::OkStatus());
  ASSERT_THAT(load.Get().parameters(), SizeIs(2));
  EXPECT_EQ(load.Get().parameters().at("config").string_param(), "{}");
  EXPECT_EQ(load.Get().parameters().at("file:1/model").bytes_param(), bytes);
  EXPECT_EQ(client.UnloadModel("double"), absl::OkStatus());
  EXPECT_EQ(unload.Get().model_name(), "double");
}

TEST_P(ClientTest, CallsWithTheOptionsThatItIsGiven) {
  Gate began;
  Gate stopped;
  server().Register(kModelInfer,
                    [&](Context& context, const InferRequest&) -> absl::StatusOr<InferResponse> {
                      EXPECT_EQ(context.metadata().Get("tenant"), "blue");
                      began.Open();
                      EXPECT_TRUE(call_test::StopRequested(context.stop_token()));
                      stopped.Open();
                      return InferResponse{};
                    });
  const Client client = StartAndConnect();
  const Metadata metadata = {{"tenant", "blue"}};
  {
    const auto dropped =
        client.AsyncInfer(DoubleRequest("double", Floats({1})), {.metadata = &metadata});
    EXPECT_TRUE(began.Opens());
  }
  EXPECT_TRUE(stopped.Opens());
  EXPECT_THAT(client.ServerLive({.timeout = absl::ZeroDuration()}).status(),
              HasCode(absl::StatusCode::kDeadlineExceeded));
}

INSTANTIATE_TEST_SUITE_P(All, ClientTest, testing::ValuesIn(call_test::kWires),
                         call_test::NameOf<call_test::WireRow>);

TEST(Client, ReportsATargetThatCannotBeUsed) {
  const Client client("example.com:1");
  EXPECT_THAT(client.ServerLive().status(),
              IsStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("plaintext")));
}

}  // namespace
}  // namespace parley::kserve
