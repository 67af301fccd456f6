// How a raw gRPC server runs whose service brings its own threads. Used by the callback and the
// blocking server.

#ifndef PARLEY_BENCH_GRPC_TWIN_SERVE_H_
#define PARLEY_BENCH_GRPC_TWIN_SERVE_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>

#include "settings.h"
#include "side.h"

namespace parley_bench {

// Serves until the driver says that it is enough, calls `stop` and shuts down; returns main's exit
// code.
template <class Stop>
int Serve(const Options& options, grpc::Service& service, const Stop& stop) {
  grpc::ServerBuilder builder;
  int port = 0;
  TuneServer(builder, options.address, &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  ServeDriver(BoundAddress(options.address, port));
  stop();
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}

}  // namespace parley_bench

#endif  // PARLEY_BENCH_GRPC_TWIN_SERVE_H_
