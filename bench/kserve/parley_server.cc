// KServe's service as an application of parley's has it: the identity model in a registry, default
// options.

#include <cstdio>
#include <string>

#include "parley/kserve/service.h"
#include "parley/model/registry.h"
#include "parley/parley.h"
#include "side.h"

namespace parley_bench {
namespace {

absl::StatusOr<parley::InferResponse> Identity(const parley::InferRequest& request,
                                               const parley::InferTerms&) {
  const parley::Tensor* const input = request.FindInput("INPUT");
  if (input == nullptr) return absl::InvalidArgumentError("there is no INPUT");
  return parley::InferResponse{.outputs = {{"OUTPUT", *input}}};
}

int Main(const Options& options) {
  parley::ModelRegistry registry;
  absl::Status status =
      registry.Load({.spec = {.name = "identity",
                              .inputs = {{"INPUT", parley::DataType::kFp32, {-1}}},
                              .outputs = {{"OUTPUT", parley::DataType::kFp32, {-1}}}},
                     .handler = parley::SingleHandler(Identity)});
  parley::Server server;
  parley::kserve::AddService(server, registry);
  if (status.ok()) status = server.Start(options.address);
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    return 1;
  }
  const bool tcp = server.port() != 0;
  ServeDriver(tcp ? "127.0.0.1:" + std::to_string(server.port()) : options.address);
  return server.Shutdown(absl::ZeroDuration()).ok() ? 0 : 1;
}

}  // namespace
}  // namespace parley_bench

int main(int argc, char** argv) {
  return parley_bench::Main(parley_bench::ParseOptions(argc, argv));
}
