// parley's client as an application writes it: blocking calls with one in flight, callbacks with
// more. With --address=local it calls a server in its own process.

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "parley/parley.h"
#include "payload.h"
#include "service.h"
#include "side.h"

namespace parley_bench {
namespace {

constexpr parley::CallOptions kPlain{.wire = parley::Wire::kPlain};

absl::Status EchoBlocking(parley::Client& client, std::int64_t calls, Latencies& latencies) {
  Payload request;
  for (std::int64_t i = 0; i < calls; ++i) {
    const auto sequence = static_cast<std::uint64_t>(i);
    FillEchoBody(sequence, *request.mutable_body());
    const std::int64_t start = NowNanoseconds();
    absl::StatusOr<Payload> response = client.Call(kEcho, request, kPlain);
    latencies.AddSince(start);
    if (!response.ok()) return response.status();
    if (absl::Status s = CheckEchoBody(sequence, response->body()); !s.ok()) return s;
  }
  return absl::OkStatus();
}

// Keeps many calls in flight; every callback starts the next call in its slot.
class PipelinedEcho {
 public:
  PipelinedEcho(parley::Client& client, std::int64_t calls, Latencies& latencies)
      : client_(client), calls_(calls), latencies_(latencies) {}

  absl::Status Run(int in_flight) {
    std::vector<Slot> slots(static_cast<std::size_t>(in_flight));
    for (Slot& slot : slots) StartNext(slot);
    std::unique_lock lock(mutex_);
    all_done_.wait(lock, [this] { return done_ == calls_; });
    return error_;
  }

 private:
  struct Slot {
    std::uint64_t sequence = 0;
    std::int64_t start = 0;
    Payload request;
  };

  void StartNext(Slot& slot) {
    const std::int64_t sequence = started_.fetch_add(1);
    if (sequence >= calls_) return;
    slot.sequence = static_cast<std::uint64_t>(sequence);
    FillEchoBody(slot.sequence, *slot.request.mutable_body());
    slot.start = NowNanoseconds();
    client_.AsyncCall(kEcho, slot.request, kPlain)
        .Then([this, &slot](const absl::StatusOr<Payload>& response) { OnDone(slot, response); });
  }

  void OnDone(Slot& slot, const absl::StatusOr<Payload>& response) {
    {
      std::lock_guard lock(mutex_);
      latencies_.AddSince(slot.start);
      error_.Update(response.ok() ? CheckEchoBody(slot.sequence, response->body())
                                  : response.status());
      if (++done_ == calls_) return all_done_.notify_one();
    }
    StartNext(slot);
  }

  parley::Client& client_;
  const std::int64_t calls_;
  std::atomic<std::int64_t> started_{0};
  std::mutex mutex_;  // callbacks may run on several threads
  std::condition_variable all_done_;
  Latencies& latencies_;
  absl::Status error_;
  std::int64_t done_ = 0;
};

absl::Status Tokens(parley::Client& client, std::int64_t count) {
  TokensRequest request;
  request.set_count(static_cast<std::uint32_t>(count));
  parley::ClientReader<Token> tokens = client.Call(kTokens, request, kPlain);
  std::uint32_t received = 0;
  absl::Status check = absl::OkStatus();
  for (const Token& token : tokens) check.Update(CheckTokenText(received++, token.text()));
  if (absl::Status s = tokens.Finish(); !s.ok()) return s;
  check.Update(CheckTokenCount(static_cast<std::uint64_t>(count), received));
  return check;
}

absl::Status Run(parley::Client& client, const Options& options, std::int64_t operations,
                 Latencies& latencies) {
  if (options.work == "tokens") return Tokens(client, operations);
  if (options.work != "echo") return absl::InvalidArgumentError("--work must be echo or tokens");
  if (options.in_flight == 1) return EchoBlocking(client, operations, latencies);
  return PipelinedEcho(client, operations, latencies).Run(options.in_flight);
}

int Main(const Options& options) {
  std::optional<parley::Server> local_server;
  if (options.address == "local") {
    RegisterService(local_server.emplace());
    if (absl::Status s = local_server->Start("127.0.0.1:0"); !s.ok()) {
      std::fprintf(stderr, "%s\n", s.ToString().c_str());
      return 1;
    }
  }
  parley::Client client = local_server.has_value() ? parley::Client::Local(*local_server)
                                                   : parley::Client(options.address);
  return MeasureClient(options, [&](std::int64_t operations, Latencies& latencies) {
    return Run(client, options, operations, latencies);
  });
}

}  // namespace
}  // namespace parley_bench

int main(int argc, char** argv) {
  return parley_bench::Main(parley_bench::ParseOptions(argc, argv));
}
