// Raw gRPC client, callback API: with one call in flight the caller sleeps until gRPC's thread has
// run the reaction; with more, the reaction itself starts the next call.

#include <memory>
#include <optional>
#include <semaphore>
#include <vector>

#include "bench.grpc.pb.h"
#include "call_loop.h"
#include "payload.h"
#include "settings.h"
#include "side.h"
#include "token_requests.h"
#include "token_streams.h"

namespace parley_bench {
namespace {

using parley::bench::v1::Bench;
using parley::bench::v1::Payload;
using parley::bench::v1::Token;

struct EchoSlot {
  std::uint64_t sequence = 0;
  std::int64_t start = 0;
  Payload request;
  Payload response;
  std::optional<grpc::ClientContext> context;
};

void Prepare(EchoSlot& slot, const CallLoop::Begun& call) {
  slot.sequence = call.sequence;
  slot.start = call.start;
  FillEchoBody(slot.sequence, *slot.request.mutable_body());
  slot.context.emplace();
  SetUnaryDeadline(*slot.context);
}

absl::Status Check(const EchoSlot& slot, const grpc::Status& status) {
  return status.ok() ? CheckEchoBody(slot.sequence, slot.response.body()) : FromGrpc(status);
}

absl::Status EchoBlocking(Bench::Stub& stub, std::int64_t calls, Latencies& latencies) {
  EchoSlot slot;
  std::binary_semaphore done(0);
  for (std::int64_t i = 0; i < calls; ++i) {
    Prepare(slot, {static_cast<std::uint64_t>(i), NowNanoseconds()});
    grpc::Status status;
    stub.async()->Echo(&*slot.context, &slot.request, &slot.response, [&](grpc::Status s) {
      status = std::move(s);
      done.release();
    });
    done.acquire();
    latencies.Add(NowNanoseconds() - slot.start);
    if (absl::Status s = Check(slot, status); !s.ok()) return s;
  }
  return absl::OkStatus();
}

// Keeps many calls in flight; every reaction starts the next call in its slot.
class PipelinedEcho {
 public:
  PipelinedEcho(Bench::Stub& stub, std::int64_t calls, Latencies& latencies)
      : stub_(stub), loop_(calls, latencies) {}

  absl::Status Run(int in_flight) {
    std::vector<EchoSlot> slots(static_cast<std::size_t>(in_flight));
    for (EchoSlot& slot : slots) {
      if (auto sequence = loop_.Start()) StartNext(slot, {*sequence, NowNanoseconds()});
    }
    return loop_.Wait();
  }

 private:
  void StartNext(EchoSlot& slot, const CallLoop::Begun& call) {
    Prepare(slot, call);
    stub_.async()->Echo(&*slot.context, &slot.request, &slot.response,
                        [this, &slot](const grpc::Status& status) {
                          auto next = loop_.DoneStartNext(slot.start, Check(slot, status));
                          if (next) StartNext(slot, *next);
                        });
  }

  Bench::Stub& stub_;
  CallLoop loop_;
};

class Reactor final : public grpc::ClientReadReactor<Token> {
 public:
  Reactor(TokenStreams& streams, std::size_t stream) : streams_(streams), stream_(stream) {}

  void Start(Bench::Stub& stub) {
    SetStreamDeadline(context_);
    request_ = RequestFor(streams_.plan(stream_));
    if (streams_.plan(stream_).paced) {
      stub.async()->Generate(&context_, &request_, this);
    } else {
      stub.async()->Tokens(&context_, &request_, this);
    }
    StartRead(&token_);
    StartCall();
  }

  void Cancel() { context_.TryCancel(); }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    streams_.Receive(stream_, token_.text());
    StartRead(&token_);
  }

  void OnDone(const grpc::Status& status) override { streams_.Ended(stream_, FromGrpc(status)); }

 private:
  TokenStreams& streams_;
  const std::size_t stream_;
  grpc::ClientContext context_;
  parley::bench::v1::TokensRequest request_;
  Token token_;
};

// All streams of one run. They are open from the construction to the destruction, which cancels
// what has not ended.
class Reactors {
 public:
  Reactors(Bench::Stub& stub, const Options& options, std::int64_t operations)
      : streams_(options, operations) {
    reactors_.reserve(streams_.size());
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      reactors_.push_back(std::make_unique<Reactor>(streams_, i));
      reactors_.back()->Start(stub);
    }
  }
  ~Reactors() {
    if (!streams_.ended()) {
      for (auto& reactor : reactors_) reactor->Cancel();
    }
    streams_.WaitEnded();
  }

  absl::Status Wait(Latencies& latencies) { return streams_.Wait(latencies); }

 private:
  TokenStreams streams_;
  std::vector<std::unique_ptr<Reactor>> reactors_;
};

int Main(const Options& options) {
  auto stub = Bench::NewStub(OpenChannel(options.address));
  std::vector<std::shared_ptr<Reactors>> open;  // idle streams stay so while they are measured
  return MeasureClient(options, [&](std::int64_t operations, Latencies& latencies) {
    if (options.work == "echo" && options.in_flight == 1) {
      return EchoBlocking(*stub, operations, latencies);
    }
    if (options.work == "echo") {
      return PipelinedEcho(*stub, operations, latencies).Run(options.in_flight);
    }
    if (absl::Status s = CheckStreamOptions(options); !s.ok()) return s;
    auto reactors = std::make_shared<Reactors>(*stub, options, operations);
    if (options.work == "idle") open.push_back(reactors);
    return reactors->Wait(latencies);
  });
}

}  // namespace
}  // namespace parley_bench

int main(int argc, char** argv) {
  return parley_bench::Main(parley_bench::ParseOptions(argc, argv));
}
