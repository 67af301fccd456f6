// parley's server as an application writes it: plain handlers, default options.

#include <cstdio>
#include <string>

#include "parley/parley.h"
#include "service.h"
#include "side.h"

int main(int argc, char** argv) {
  const parley_bench::Options options = parley_bench::ParseOptions(argc, argv);
  parley::Server server;
  parley_bench::RegisterService(server);
  if (absl::Status s = server.Start(options.address); !s.ok()) {
    std::fprintf(stderr, "%s\n", s.ToString().c_str());
    return 1;
  }
  const bool tcp = server.port() != 0;
  parley_bench::ServeDriver(tcp ? "127.0.0.1:" + std::to_string(server.port()) : options.address);
  return server.Shutdown(absl::ZeroDuration()).ok() ? 0 : 1;
}
