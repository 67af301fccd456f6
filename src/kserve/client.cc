#include "parley/kserve/client.h"

#include "absl/strings/str_cat.h"
#include "parley_wire/grpc_service.pb.h"
#include "src/kserve/from_wire.h"

namespace parley::kserve {
namespace {

constexpr Unary<wire::ServerLiveRequest, wire::ServerLiveResponse> kServerLive{
    "inference.GRPCInferenceService/ServerLive"};
constexpr Unary<wire::ServerReadyRequest, wire::ServerReadyResponse> kServerReady{
    "inference.GRPCInferenceService/ServerReady"};
constexpr Unary<wire::ModelReadyRequest, wire::ModelReadyResponse> kModelReady{
    "inference.GRPCInferenceService/ModelReady"};
constexpr Unary<wire::ServerMetadataRequest, wire::ServerMetadataResponse> kServerMetadata{
    "inference.GRPCInferenceService/ServerMetadata"};
constexpr Unary<wire::ModelMetadataRequest, wire::ModelMetadataResponse> kModelMetadata{
    "inference.GRPCInferenceService/ModelMetadata"};
constexpr Unary<wire::ModelConfigRequest, wire::ModelConfigResponse> kModelConfig{
    "inference.GRPCInferenceService/ModelConfig"};
constexpr Unary<wire::ModelStatisticsRequest, wire::ModelStatisticsResponse> kModelStatistics{
    "inference.GRPCInferenceService/ModelStatistics"};
constexpr Unary<wire::RepositoryIndexRequest, wire::RepositoryIndexResponse> kRepositoryIndex{
    "inference.GRPCInferenceService/RepositoryIndex"};
constexpr Unary<wire::RepositoryModelLoadRequest, wire::RepositoryModelLoadResponse> kLoad{
    "inference.GRPCInferenceService/RepositoryModelLoad"};
constexpr Unary<wire::RepositoryModelUnloadRequest, wire::RepositoryModelUnloadResponse> kUnload{
    "inference.GRPCInferenceService/RepositoryModelUnload"};

// With it the first error ends a stream with its status, instead of being a text among the responses.
constexpr char kErrorsAsStatus[] = "triton_grpc_error";

template <class Request>
Request Named(std::string_view name, std::string_view version) {
  Request request;
  request.set_name(std::string(name));
  request.set_version(std::string(version));
  return request;
}

}  // namespace

InferStream Client::StreamInfer(const InferRequest& request, const CallOptions& options) const {
  Metadata metadata;
  if (options.metadata != nullptr) metadata = *options.metadata;
  if (!metadata.Get(kErrorsAsStatus).has_value()) metadata.Add(kErrorsAsStatus, "true");
  CallOptions with_metadata = options;
  with_metadata.metadata = &metadata;
  return InferStream(client_.Call(kModelStreamInfer, with_metadata), request);
}

absl::StatusOr<bool> Client::ServerLive(const CallOptions& options) const {
  const auto response = client_.Call(kServerLive, {}, options);
  if (!response.ok()) return response.status();
  return response->live();
}

absl::StatusOr<bool> Client::ServerReady(const CallOptions& options) const {
  const auto response = client_.Call(kServerReady, {}, options);
  if (!response.ok()) return response.status();
  return response->ready();
}

absl::StatusOr<bool> Client::ModelReady(std::string_view name, std::string_view version,
                                        const CallOptions& options) const {
  const auto response =
      client_.Call(kModelReady, Named<wire::ModelReadyRequest>(name, version), options);
  if (!response.ok()) return response.status();
  return response->ready();
}

absl::StatusOr<ServerDescription> Client::ServerMetadata(const CallOptions& options) const {
  const auto response = client_.Call(kServerMetadata, {}, options);
  if (!response.ok()) return response.status();
  return ServerDescription{
      .name = response->name(),
      .version = response->version(),
      .extensions = {response->extensions().begin(), response->extensions().end()}};
}

absl::StatusOr<ModelDescription> Client::ModelMetadata(std::string_view name,
                                                       std::string_view version,
                                                       const CallOptions& options) const {
  const auto response =
      client_.Call(kModelMetadata, Named<wire::ModelMetadataRequest>(name, version), options);
  if (!response.ok()) return response.status();
  return DescriptionOf(*response);
}

absl::StatusOr<ModelConfiguration> Client::ModelConfig(std::string_view name,
                                                       std::string_view version,
                                                       const CallOptions& options) const {
  const auto request = Named<wire::ModelConfigRequest>(name, version);
  const auto response = client_.Call(kModelConfig, request, options);
  if (!response.ok()) return response.status();
  ModelConfiguration configuration = ConfigurationOf(response->config());
  configuration.spec.version = VersionNumber(request.version());
  return configuration;
}

absl::StatusOr<std::vector<StatisticsEntry>> Client::ModelStatistics(
    std::string_view name, std::string_view version, const CallOptions& options) const {
  const auto response =
      client_.Call(kModelStatistics, Named<wire::ModelStatisticsRequest>(name, version), options);
  if (!response.ok()) return response.status();
  std::vector<StatisticsEntry> entries;
  for (const auto& statistics : response->model_stats()) {
    entries.push_back(StatisticsEntryOf(statistics));
  }
  return entries;
}

absl::StatusOr<std::vector<ModelIndexEntry>> Client::RepositoryIndex(
    const CallOptions& options) const {
  const auto response = client_.Call(kRepositoryIndex, {}, options);
  if (!response.ok()) return response.status();
  std::vector<ModelIndexEntry> entries;
  for (const auto& entry : response->models()) entries.push_back(IndexEntryOf(entry));
  return entries;
}

absl::Status Client::LoadModel(const LoadRequest& request, const CallOptions& options) const {
  wire::RepositoryModelLoadRequest message;
  message.set_model_name(request.name);
  auto& parameters = *message.mutable_parameters();
  if (request.config.has_value()) parameters["config"].set_string_param(*request.config);
  for (const auto& [path, bytes] : request.files) {
    parameters[absl::StrCat("file:", path)].set_bytes_param(bytes);
  }
  return client_.Call(kLoad, message, options).status();
}

absl::Status Client::UnloadModel(std::string_view name, const CallOptions& options) const {
  wire::RepositoryModelUnloadRequest message;
  message.set_model_name(std::string(name));
  return client_.Call(kUnload, message, options).status();
}

}  // namespace parley::kserve
