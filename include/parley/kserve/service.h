// Serves a registry's models to every client of the Open Inference Protocol v2: KServe's, Triton's.
#ifndef PARLEY_KSERVE_SERVICE_H_
#define PARLEY_KSERVE_SERVICE_H_

#include <cstddef>
#include <string>

#include "parley/detail/export.h"
#include "parley/model/registry.h"
#include "parley/server.h"

namespace parley::kserve {

struct ServiceOptions {
  std::string server_name = "parley";
  // Requests of one ModelStreamInfer call that may be unanswered; no more are read then.
  std::size_t max_stream_requests = 64;
  // Whether clients may load and unload models. If not, these calls get PERMISSION_DENIED.
  bool allow_model_control = false;
  // Serves grpc.reflection too, so that grpcurl and its like need no .proto file.
  bool reflection = true;
};

// Registers inference.GRPCInferenceService. What health checks are told of it, and of "", follows
// registry.all_ready().
//
// Example:  parley::kserve::AddService(server, registry);
//           if (absl::Status s = server.Start("127.0.0.1:8001"); !s.ok()) return s;
// Lifetime: before server.Start(); `registry` must outlive the server.
PARLEY_EXPORT void AddService(Server& server, ModelRegistry& registry, ServiceOptions options = {});

}  // namespace parley::kserve

#endif  // PARLEY_KSERVE_SERVICE_H_
