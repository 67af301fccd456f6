#include "parley/kserve/service.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "parley/kserve/protocol.h"
#include "parley/version.h"
#include "parley_wire/grpc_service.pb.h"
#include "src/kserve/received_request.h"
#include "src/kserve/reflection.h"
#include "src/kserve/request_parameters.h"
#include "src/kserve/stream.h"
#include "src/kserve/to_wire.h"

namespace parley::kserve {
namespace {

constexpr char kService[] = "inference.GRPCInferenceService";
// Of a name that a client made up.
constexpr std::size_t kMostShown = 128;

absl::Status CheckRepository(const std::string& name) {
  if (name.empty()) return absl::OkStatus();
  return absl::UnimplementedError(
      "there is one repository, which has no name; leave repository_name out");
}

absl::Status WrongParameter(const std::string& key, std::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(
      "parameter \"", absl::CEscape(key.substr(0, kMostShown)), "\" ", std::string(expected)));
}

absl::StatusOr<LoadRequest> LoadRequestOf(const wire::RepositoryModelLoadRequest& request) {
  constexpr absl::string_view kFile = "file:";
  LoadRequest load{.name = request.model_name()};
  for (const auto& [key, parameter] : request.parameters()) {
    if (key == "config") {
      if (!parameter.has_string_param()) return WrongParameter(key, "is not a string");
      load.config = parameter.string_param();
    } else if (absl::StartsWith(key, kFile)) {
      if (!parameter.has_bytes_param()) return WrongParameter(key, "is not bytes");
      load.files.emplace(key.substr(kFile.size()), parameter.bytes_param());
    } else {
      return WrongParameter(key, "is neither \"config\" nor \"file:<version>/<name>\"");
    }
  }
  return load;
}

absl::Status CheckUnload(const wire::RepositoryModelUnloadRequest& request) {
  for (const auto& [key, parameter] : request.parameters()) {
    // No model depends on another.
    if (key != "unload_dependents") return WrongParameter(key, "is not \"unload_dependents\"");
    if (!parameter.has_bool_param()) return WrongParameter(key, "is not a bool");
  }
  return absl::OkStatus();
}

// The handlers share it; it goes with the server.
class Service {
 public:
  Service(const Server& server, ModelRegistry& registry, ServiceOptions options)
      : registry_(registry), options_(std::move(options)) {
    const auto tell = [health = server.health(), &registry] {
      for (const char* service : {"", kService}) health.Set(service, registry.all_ready());
    };
    watch_ = registry.Watch(tell);
    tell();
  }

  void Infer(ServerCall<Unary<ReceivedRequest, InferResponse>> call) const;
  void StreamInfer(Stream::Call call) const {
    Stream::Serve(std::move(call), registry_, options_.max_stream_requests);
  }

  absl::StatusOr<wire::ServerLiveResponse> Answer(const wire::ServerLiveRequest&) const;
  absl::StatusOr<wire::ServerReadyResponse> Answer(const wire::ServerReadyRequest&) const;
  absl::StatusOr<wire::ModelReadyResponse> Answer(const wire::ModelReadyRequest& request) const;
  absl::StatusOr<wire::ServerMetadataResponse> Answer(const wire::ServerMetadataRequest&) const;
  absl::StatusOr<wire::ModelMetadataResponse> Answer(
      const wire::ModelMetadataRequest& request) const;
  absl::StatusOr<wire::ModelConfigResponse> Answer(const wire::ModelConfigRequest& request) const;
  absl::StatusOr<wire::ModelStatisticsResponse> Answer(
      const wire::ModelStatisticsRequest& request) const;
  absl::StatusOr<wire::RepositoryIndexResponse> Answer(
      const wire::RepositoryIndexRequest& request) const;
  absl::StatusOr<wire::RepositoryModelLoadResponse> Answer(
      const wire::RepositoryModelLoadRequest& request) const;
  absl::StatusOr<wire::RepositoryModelUnloadResponse> Answer(
      const wire::RepositoryModelUnloadRequest& request) const;

 private:
  absl::Status CheckControl() const;

  ModelRegistry& registry_;
  const ServiceOptions options_;
  std::shared_ptr<void> watch_;  // of the registry
};

void Service::Infer(ServerCall<Unary<ReceivedRequest, InferResponse>> call) const {
  InferRequest& request = call.request().request;
  if (!call.request().fault.ok()) return std::move(call).Finish(call.request().fault);
  const absl::StatusOr<ProtocolParameters> parameters = TakeProtocolParameters(request);
  if (!parameters.ok()) return std::move(call).Finish(parameters.status());
  const absl::StatusOr<std::shared_ptr<ServedModel>> model =
      registry_.Find(request.model_name, request.model_version);
  if (!model.ok()) return std::move(call).Finish(model.status());
  InferTerms terms{.deadline = call.context().deadline(),
                   .queue_timeout = parameters->queue_timeout,
                   .priority = parameters->priority,
                   .stop = call.context().stop_token()};
  InferRequest asked = std::move(request);
  (*model)->Infer(std::move(asked), std::move(terms),
                  [call = std::move(call)](const absl::StatusOr<InferResponse>& answer) mutable {
                    std::move(call).Finish(answer);
                  });
}

absl::StatusOr<wire::ServerLiveResponse> Service::Answer(const wire::ServerLiveRequest&) const {
  wire::ServerLiveResponse response;
  response.set_live(true);
  return response;
}

absl::StatusOr<wire::ServerReadyResponse> Service::Answer(const wire::ServerReadyRequest&) const {
  wire::ServerReadyResponse response;
  response.set_ready(registry_.all_ready());
  return response;
}

absl::StatusOr<wire::ModelReadyResponse> Service::Answer(
    const wire::ModelReadyRequest& request) const {
  const absl::Status status = registry_.Find(request.name(), request.version()).status();
  if (!status.ok() && !absl::IsUnavailable(status)) return status;
  wire::ModelReadyResponse response;
  response.set_ready(status.ok());
  return response;
}

absl::StatusOr<wire::ServerMetadataResponse> Service::Answer(
    const wire::ServerMetadataRequest&) const {
  wire::ServerMetadataResponse response;
  response.set_name(options_.server_name);
  response.set_version(PARLEY_VERSION);
  for (const char* extension : {"schedule_policy", "model_configuration", "binary_tensor_data",
                                "parameters", "statistics"}) {
    response.add_extensions(extension);
  }
  if (options_.allow_model_control) response.add_extensions("model_repository");
  return response;
}

absl::StatusOr<wire::ModelMetadataResponse> Service::Answer(
    const wire::ModelMetadataRequest& request) const {
  const auto model = registry_.Find(request.name(), request.version());
  if (!model.ok()) return model.status();
  wire::ModelMetadataResponse response = MetadataOf((*model)->spec());
  for (const auto& version : registry_.Ready(request.name())) {
    response.add_versions(absl::StrCat(version->spec().version));
  }
  return response;
}

absl::StatusOr<wire::ModelConfigResponse> Service::Answer(
    const wire::ModelConfigRequest& request) const {
  const auto model = registry_.Find(request.name(), request.version());
  if (!model.ok()) return model.status();
  wire::ModelConfigResponse response;
  *response.mutable_config() = ConfigOf((*model)->spec(), (*model)->streaming(), (*model)->queue());
  return response;
}

absl::StatusOr<wire::ModelStatisticsResponse> Service::Answer(
    const wire::ModelStatisticsRequest& request) const {
  std::vector<std::shared_ptr<ServedModel>> models;
  if (request.version().empty()) {
    models = registry_.Ready(request.name());
  }
  if (models.empty() && !(request.name().empty() && request.version().empty())) {
    auto model = registry_.Find(request.name(), request.version());
    if (!model.ok()) return model.status();
    models.push_back(*std::move(model));
  }
  wire::ModelStatisticsResponse response;
  for (const auto& model : models) {
    *response.add_model_stats() = StatisticsOf(model->spec(), model->Statistics());
  }
  return response;
}

absl::StatusOr<wire::RepositoryIndexResponse> Service::Answer(
    const wire::RepositoryIndexRequest& request) const {
  if (absl::Status status = CheckRepository(request.repository_name()); !status.ok()) return status;
  wire::RepositoryIndexResponse response;
  for (const ModelIndexEntry& entry : registry_.Index()) {
    if (request.ready() && entry.state != ModelState::kReady) continue;
    *response.add_models() = IndexEntryOf(entry);
  }
  return response;
}

absl::Status Service::CheckControl() const {
  if (options_.allow_model_control) return absl::OkStatus();
  return absl::PermissionDeniedError("clients of this server do not load or unload models");
}

absl::StatusOr<wire::RepositoryModelLoadResponse> Service::Answer(
    const wire::RepositoryModelLoadRequest& request) const {
  absl::Status status = CheckControl();
  if (status.ok()) status = CheckRepository(request.repository_name());
  if (!status.ok()) return status;
  const absl::StatusOr<LoadRequest> load = LoadRequestOf(request);
  if (!load.ok()) return load.status();
  status = registry_.LoadNamed(*load);
  if (!status.ok()) return status;
  return wire::RepositoryModelLoadResponse();
}

absl::StatusOr<wire::RepositoryModelUnloadResponse> Service::Answer(
    const wire::RepositoryModelUnloadRequest& request) const {
  absl::Status status = CheckControl();
  if (status.ok()) status = CheckRepository(request.repository_name());
  if (status.ok()) status = CheckUnload(request);
  if (status.ok()) status = registry_.Unload(request.model_name());
  if (!status.ok()) return status;
  return wire::RepositoryModelUnloadResponse();
}

template <class Q, class A>
void Register(Server& server, const std::shared_ptr<const Service>& service,
              std::string_view path) {
  server.Register(Unary<Q, A>{path}, [service](Context&, const Q& request) -> absl::StatusOr<A> {
    return service->Answer(request);
  });
}

}  // namespace

void AddService(Server& server, ModelRegistry& registry, ServiceOptions options) {
  if (options.reflection) AddReflection(server);
  const auto service = std::make_shared<const Service>(server, registry, std::move(options));
  server.Register(Unary<ReceivedRequest, InferResponse>{kModelInfer.path},
                  [service](ServerCall<Unary<ReceivedRequest, InferResponse>> call) {
                    service->Infer(std::move(call));
                  });
  server.Register(Bidi<ReceivedRequest, StreamResponse>{kModelStreamInfer.path},
                  [service](Stream::Call call) { service->StreamInfer(std::move(call)); });
  Register<wire::ServerLiveRequest, wire::ServerLiveResponse>(
      server, service, "inference.GRPCInferenceService/ServerLive");
  Register<wire::ServerReadyRequest, wire::ServerReadyResponse>(
      server, service, "inference.GRPCInferenceService/ServerReady");
  Register<wire::ModelReadyRequest, wire::ModelReadyResponse>(
      server, service, "inference.GRPCInferenceService/ModelReady");
  Register<wire::ServerMetadataRequest, wire::ServerMetadataResponse>(
      server, service, "inference.GRPCInferenceService/ServerMetadata");
  Register<wire::ModelMetadataRequest, wire::ModelMetadataResponse>(
      server, service, "inference.GRPCInferenceService/ModelMetadata");
  Register<wire::ModelConfigRequest, wire::ModelConfigResponse>(
      server, service, "inference.GRPCInferenceService/ModelConfig");
  Register<wire::ModelStatisticsRequest, wire::ModelStatisticsResponse>(
      server, service, "inference.GRPCInferenceService/ModelStatistics");
  Register<wire::RepositoryIndexRequest, wire::RepositoryIndexResponse>(
      server, service, "inference.GRPCInferenceService/RepositoryIndex");
  Register<wire::RepositoryModelLoadRequest, wire::RepositoryModelLoadResponse>(
      server, service, "inference.GRPCInferenceService/RepositoryModelLoad");
  Register<wire::RepositoryModelUnloadRequest, wire::RepositoryModelUnloadResponse>(
      server, service, "inference.GRPCInferenceService/RepositoryModelUnload");
}

}  // namespace parley::kserve
