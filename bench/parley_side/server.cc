// parley's server as an application writes it: default options, or with an executor of its own.

#include <cstdio>
#include <optional>
#include <string>

#include "engine.h"
#include "parley/parley.h"
#include "service.h"
#include "side.h"
#include "sleeping_model.h"
#include "tensor_contents.h"
#include "thread_pool.h"

namespace parley_bench {
namespace {

void WriteStepTogether(absl::FunctionRef<void()> writes) { parley::WriteTogether(writes); }

int Main(const Options& options) {
  std::optional<ThreadPool> pool;
  parley::ServerOptions server_options;
  server_options.executor = StartExecutor(pool, options.executor_threads);
  Engine engine(options.step, options.apart ? nullptr : WriteStepTogether);
  const TensorContents contents(options.elements);
  SleepingModel model(options.max_batch_size);
  parley::Server server(server_options);
  const bool coroutine = options.tokens_handler == "coroutine";
  RegisterService(server, coroutine ? TokensHandler::kCoroutine : TokensHandler::kPlain, engine,
                  contents);
  model.Register(server);
  if (absl::Status s = server.Start(options.address); !s.ok()) {
    std::fprintf(stderr, "%s\n", s.ToString().c_str());
    return 1;
  }
  const bool tcp = server.port() != 0;
  ServeDriver(tcp ? "127.0.0.1:" + std::to_string(server.port()) : options.address);
  engine.Stop();  // a server waits for its calls
  return server.Shutdown(absl::ZeroDuration()).ok() ? 0 : 1;
}

}  // namespace
}  // namespace parley_bench

int main(int argc, char** argv) {
  return parley_bench::Main(parley_bench::ParseOptions(argc, argv));
}
