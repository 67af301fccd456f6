// Raw gRPC server, synchronous API: gRPC's own pool of threads runs the handlers. Only for the unary
// call.

#include "bench.grpc.pb.h"
#include "settings.h"
#include "side.h"

namespace parley_bench {
namespace {

using parley::bench::v1::Bench;
using parley::bench::v1::Payload;

class Service final : public Bench::Service {
 public:
  grpc::Status Echo(grpc::ServerContext* /*context*/, const Payload* request,
                    Payload* response) override {
    response->set_body(request->body());
    return grpc::Status::OK;
  }
};

int Run(const Options& options) {
  Service service;
  grpc::ServerBuilder builder;
  int port = 0;
  TuneServer(builder, options.address, &port);
  builder.RegisterService(&service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  ServeDriver(BoundAddress(options.address, port));
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}

}  // namespace
}  // namespace parley_bench

int main(int argc, char** argv) {
  return parley_bench::Run(parley_bench::ParseOptions(argc, argv));
}
