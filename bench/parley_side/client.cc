// parley's client as an application writes it: blocking calls with one in flight, callbacks with
// more. With --address=local it calls a server in its own process.

#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "echo.h"
#include "parley/parley.h"
#include "service.h"
#include "side.h"
#include "stream_readers.h"
#include "tensors.h"
#include "thread_pool.h"

namespace parley_bench {
namespace {

parley::Wire WireOf(std::string_view name) {
  if (name == "auto") return parley::Wire::kAuto;
  return name == "session" ? parley::Wire::kSession : parley::Wire::kPlain;
}

class Works {
 public:
  Works(const Options& options, parley::Client client)
      : options_(options),
        client_(std::move(client)),
        call_options_{.wire = WireOf(options.wire)} {}

  absl::Status Run(std::int64_t operations, Latencies& latencies) {
    if (options_.work.starts_with("echo")) {
      if (options_.fixed_messages) return RunEcho(kEchoFixed, operations, latencies);
      return RunEcho(kEcho, operations, latencies);
    }
    if (options_.work == "tensor") {
      if (!tensors_) tensors_.emplace(client_, call_options_, options_.elements);
      return tensors_->Run(operations, latencies);
    }
    if (options_.work == "sleep") {
      return Echo<Payload>(client_, kSleep, call_options_)
          .Pipelined(options_.in_flight, operations, latencies);
    }
    if (absl::Status s = TokenStreams::CheckOptions(options_); !s.ok()) return s;
    if (options_.work != "tokens") return ReadStreams(kGenerate, operations, latencies);
    if (options_.fixed_messages) return ReadStreams(kTokensFixed, operations, latencies);
    return ReadStreams(kTokens, operations, latencies);
  }

 private:
  template <class Message>
  absl::Status RunEcho(const parley::Unary<Message, Message>& method, std::int64_t operations,
                       Latencies& latencies) {
    Echo<Message> echo(client_, method, call_options_);
    if (options_.work == "echo_at_rate") {
      return echo.AtRate(options_.rate, options_.in_flight, operations, latencies);
    }
    if (options_.work == "echo_threads" || options_.in_flight == 1) {
      return echo.Blocking(options_.in_flight, operations, latencies);
    }
    if (options_.work == "echo") return echo.Pipelined(options_.in_flight, operations, latencies);
    return absl::InvalidArgumentError("of echo there are echo, echo_threads and echo_at_rate");
  }

  template <class Q, class A>
  absl::Status ReadStreams(const parley::ServerStreaming<Q, A>& method, std::int64_t operations,
                           Latencies& latencies) {
    auto readers =
        std::make_shared<StreamReaders<Q, A>>(client_, method, call_options_, options_, operations);
    if (options_.work == "idle") open_.push_back(readers);
    return readers->Read(latencies);
  }

  const Options& options_;
  const parley::Client client_;
  const parley::CallOptions call_options_;
  std::optional<Tensors> tensors_;
  std::vector<std::shared_ptr<void>> open_;  // idle streams stay so while they are measured
};

int Main(const Options& options) {
  std::optional<ThreadPool> pool;
  parley::ClientOptions client_options;
  client_options.executor = StartExecutor(pool, options.executor_threads);
  Engine engine(options.step);
  const TensorContents contents(options.elements);
  std::optional<parley::Server> local_server;
  if (options.address == "local") {
    RegisterService(local_server.emplace(), TokensHandler::kPlain, engine, contents);
    if (absl::Status s = local_server->Start(); !s.ok()) {
      std::fprintf(stderr, "%s\n", s.ToString().c_str());
      return 1;
    }
  }
  Works works(options, local_server ? parley::Client::Local(*local_server, client_options)
                                    : parley::Client(options.address, client_options));
  return MeasureClient(options, [&](std::int64_t operations, Latencies& latencies) {
    return works.Run(operations, latencies);
  });
}

}  // namespace
}  // namespace parley_bench

int main(int argc, char** argv) {
  return parley_bench::Main(parley_bench::ParseOptions(argc, argv));
}
