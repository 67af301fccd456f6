// Raw gRPC server, synchronous API: gRPC's own pool of threads runs the handlers. Only for the unary
// call.

#include "bench.grpc.pb.h"
#include "serve.h"
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

}  // namespace
}  // namespace parley_bench

int main(int argc, char** argv) {
  const parley_bench::Options options = parley_bench::ParseOptions(argc, argv);
  parley_bench::Service service;
  return parley_bench::Serve(options, service, [] {});
}
