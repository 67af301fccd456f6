// Raw gRPC client, callback API: with one call in flight the caller sleeps until gRPC's thread has
// run the reaction; with more, the reaction itself starts the next call.

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

#include "bench.grpc.pb.h"
#include "payload.h"
#include "settings.h"
#include "side.h"

namespace parley_bench {
namespace {

using parley::bench::v1::Bench;
using parley::bench::v1::Payload;
using parley::bench::v1::Token;
using parley::bench::v1::TokensRequest;

absl::Status FromGrpc(const grpc::Status& status) {
  return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
}

// One caller's sleep: set by a reaction, reset by the wait.
class Signal {
 public:
  void Set() {
    std::lock_guard lock(mutex_);
    set_ = true;
    changed_.notify_one();
  }

  void Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return set_; });
    set_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

struct EchoSlot {
  std::uint64_t sequence = 0;
  std::int64_t start = 0;
  Payload request;
  Payload response;
  std::optional<grpc::ClientContext> context;
};

void Prepare(EchoSlot& slot, std::int64_t sequence) {
  slot.sequence = static_cast<std::uint64_t>(sequence);
  FillEchoBody(slot.sequence, *slot.request.mutable_body());
  slot.start = NowNanoseconds();
  slot.context.emplace();
  SetUnaryDeadline(*slot.context);
}

absl::Status Check(const EchoSlot& slot, const grpc::Status& status) {
  if (!status.ok()) return FromGrpc(status);
  return CheckEchoBody(slot.sequence, slot.response.body());
}

absl::Status EchoBlocking(Bench::Stub& stub, std::int64_t calls, Latencies& latencies) {
  EchoSlot slot;
  Signal done;
  for (std::int64_t i = 0; i < calls; ++i) {
    Prepare(slot, i);
    grpc::Status status;
    stub.async()->Echo(&*slot.context, &slot.request, &slot.response, [&](grpc::Status s) {
      status = std::move(s);
      done.Set();
    });
    done.Wait();
    latencies.AddSince(slot.start);
    if (absl::Status s = Check(slot, status); !s.ok()) return s;
  }
  return absl::OkStatus();
}

// Keeps many calls in flight; every reaction starts the next call in its slot.
class PipelinedEcho {
 public:
  PipelinedEcho(Bench::Stub& stub, std::int64_t calls, Latencies& latencies)
      : stub_(stub), calls_(calls), latencies_(latencies) {}

  absl::Status Run(int in_flight) {
    std::vector<EchoSlot> slots(static_cast<std::size_t>(in_flight));
    for (EchoSlot& slot : slots) StartNext(slot);
    all_done_.Wait();
    return error_;
  }

 private:
  void StartNext(EchoSlot& slot) {
    const std::int64_t sequence = started_.fetch_add(1);
    if (sequence >= calls_) return;
    Prepare(slot, sequence);
    stub_.async()->Echo(&*slot.context, &slot.request, &slot.response,
                        [this, &slot](const grpc::Status& status) { OnDone(slot, status); });
  }

  void OnDone(EchoSlot& slot, const grpc::Status& status) {
    bool last = false;
    {
      std::lock_guard lock(mutex_);
      latencies_.AddSince(slot.start);
      error_.Update(Check(slot, status));
      last = ++done_ == calls_;
    }
    if (last) return all_done_.Set();
    StartNext(slot);
  }

  Bench::Stub& stub_;
  const std::int64_t calls_;
  std::atomic<std::int64_t> started_{0};
  std::mutex mutex_;  // reactions run on several threads
  Latencies& latencies_;
  absl::Status error_;
  std::int64_t done_ = 0;
  Signal all_done_;
};

class TokensReactor final : public grpc::ClientReadReactor<Token> {
 public:
  void Start() {
    StartRead(&token_);
    StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    check_.Update(CheckTokenText(received_++, token_.text()));
    StartRead(&token_);
  }

  void OnDone(const grpc::Status& status) override {
    if (!status.ok()) check_ = FromGrpc(status);
    done_.Set();
  }

  absl::Status Wait(std::uint64_t expected) {
    done_.Wait();
    check_.Update(CheckTokenCount(expected, received_));
    return check_;
  }

 private:
  Token token_;
  std::uint32_t received_ = 0;
  absl::Status check_;
  Signal done_;
};

absl::Status Tokens(Bench::Stub& stub, std::int64_t count) {
  grpc::ClientContext context;
  SetStreamDeadline(context);
  TokensRequest request;
  request.set_count(static_cast<std::uint32_t>(count));
  TokensReactor reactor;
  stub.async()->Tokens(&context, &request, &reactor);
  reactor.Start();
  return reactor.Wait(static_cast<std::uint64_t>(count));
}

absl::Status Run(Bench::Stub& stub, const Options& options, std::int64_t operations,
                 Latencies& latencies) {
  if (options.work == "tokens") return Tokens(stub, operations);
  if (options.work != "echo") return absl::InvalidArgumentError("--work must be echo or tokens");
  if (options.in_flight == 1) return EchoBlocking(stub, operations, latencies);
  return PipelinedEcho(stub, operations, latencies).Run(options.in_flight);
}

}  // namespace
}  // namespace parley_bench

int main(int argc, char** argv) {
  const parley_bench::Options options = parley_bench::ParseOptions(argc, argv);
  auto stub = parley::bench::v1::Bench::NewStub(parley_bench::OpenChannel(options.address));
  return parley_bench::MeasureClient(options, [&](std::int64_t operations, auto& latencies) {
    return parley_bench::Run(*stub, options, operations, latencies);
  });
}
