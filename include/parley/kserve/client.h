// Calls models on any server of the Open Inference Protocol v2: parley's, KServe's, Triton's.
#ifndef PARLEY_KSERVE_CLIENT_H_
#define PARLEY_KSERVE_CLIENT_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "parley/client.h"
#include "parley/detail/export.h"
#include "parley/kserve/description.h"
#include "parley/kserve/infer_stream.h"
#include "parley/kserve/protocol.h"
#include "parley/model/inference.h"
#include "parley/model/registry.h"
#include "parley/options.h"
#include "parley/pending.h"

namespace parley::kserve {

// The protocol's calls, typed. A version that is left out is the server's choice: parley's own takes the
// highest that is ready.
//
// Example:  parley::kserve::Client client("127.0.0.1:8001");
//           absl::StatusOr<InferResponse> answer =
//               client.Infer({.model_name = "double", .inputs = {{"x", x}}});
//           if (!answer.ok()) return answer.status();
//           absl::StatusOr<std::span<const float>> y = answer->Output<float>("y");
// Blocks:   until the call has ended; AsyncInfer and StreamInfer never.
// Threads:  safe.
// Lifetime: cheap to copy, as the parley::Client that it holds; calls may outlive it.
// Errors:   the server's status, or the call's own. Among them NOT_FOUND for what the server does not
//           have, INVALID_ARGUMENT for a request that the model does not take, UNAVAILABLE for a model
//           that is not ready, and UNIMPLEMENTED for what the server does not speak.
class PARLEY_EXPORT Client {
 public:
  // Of a server at `target`, as parley::Client takes it. With Wire::kAuto, the default, it asks for a
  // session, which only a parley server grants; with any other the calls are plain gRPC ones, after
  // one exchange of messages that settles it. Wire::kPlain spares that.
  explicit Client(std::string target, ClientOptions options = {})
      : client_(std::move(target), std::move(options)) {}
  // On the connection of another client, or in process: Client(parley::Client::Local(server)).
  explicit Client(parley::Client client) : client_(std::move(client)) {}

  // Errors:   UNIMPLEMENTED for a model of any number of responses.
  absl::StatusOr<InferResponse> Infer(const InferRequest& request,
                                      const CallOptions& options = {}) const {
    return client_.Call(kModelInfer, request, options);
  }
  Pending<absl::StatusOr<InferResponse>> AsyncInfer(const InferRequest& request,
                                                    const CallOptions& options = {}) const {
    return client_.AsyncCall(kModelInfer, request, options);
  }
  // For models of one response too. A request that can't be sent is told by the stream's status.
  [[nodiscard]] InferStream StreamInfer(const InferRequest& request,
                                        const CallOptions& options = {}) const;

  // Whether the server answers, and whether it is ready for inference.
  absl::StatusOr<bool> ServerLive(const CallOptions& options = {}) const;
  absl::StatusOr<bool> ServerReady(const CallOptions& options = {}) const;
  absl::StatusOr<bool> ModelReady(std::string_view name, std::string_view version = "",
                                  const CallOptions& options = {}) const;

  absl::StatusOr<ServerDescription> ServerMetadata(const CallOptions& options = {}) const;
  absl::StatusOr<ModelDescription> ModelMetadata(std::string_view name,
                                                 std::string_view version = "",
                                                 const CallOptions& options = {}) const;

  // The rest is Triton's, and parley's own.
  absl::StatusOr<ModelConfiguration> ModelConfig(std::string_view name,
                                                 std::string_view version = "",
                                                 const CallOptions& options = {}) const;
  // Of all models without a name, of all versions without a version.
  absl::StatusOr<std::vector<StatisticsEntry>> ModelStatistics(
      std::string_view name = "", std::string_view version = "",
      const CallOptions& options = {}) const;
  // A version that is no number, such as that of a model that was never loaded, is 0.
  absl::StatusOr<std::vector<ModelIndexEntry>> RepositoryIndex(
      const CallOptions& options = {}) const;
  // Blocks:   until it is loaded, so give large models more than the default timeout.
  // Errors:   PERMISSION_DENIED if the server does not let clients do this.
  absl::Status LoadModel(const LoadRequest& request, const CallOptions& options = {}) const;
  // All versions.
  absl::Status UnloadModel(std::string_view name, const CallOptions& options = {}) const;

 private:
  parley::Client client_;
};

}  // namespace parley::kserve

#endif  // PARLEY_KSERVE_CLIENT_H_
