// The client of KServe's service, raw gRPC, completion-queue API: the same for every server, so that the
// server alone differs. The one thread that makes the calls polls their queue.

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "client_stream.h"
#include "grpc_service.grpc.pb.h"
#include "grpc_twin/settings.h"
#include "requests.h"
#include "side.h"
#include "tensor_contents.h"

namespace parley_bench {
namespace {

using inference::GRPCInferenceService;
using inference::ModelInferResponse;

// Of those in flight, each stream has its share.
constexpr int kStreams = 8;

class Client {
 public:
  explicit Client(const Options& options)
      : options_(options),
        stub_(GRPCInferenceService::NewStub(OpenChannel(options.address))),
        contents_(options.elements) {}

  ~Client() {
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  absl::Status Run(std::int64_t operations, Latencies& latencies) {
    if (options_.work == "infer") return Infer(operations, latencies);
    if (options_.work == "infer_stream") return InferStream(operations, latencies);
    return absl::InvalidArgumentError("there are infer and infer_stream");
  }

 private:
  struct Slot {
    explicit Slot(const TensorContents& contents) : requests(contents) {}

    Requests requests;
    std::uint64_t sequence = 0;
    std::int64_t start = 0;
    ModelInferResponse response;
    grpc::Status status;
    std::optional<grpc::ClientContext> context;
    std::unique_ptr<grpc::ClientAsyncResponseReader<ModelInferResponse>> reader;
  };

  absl::Status Infer(std::int64_t calls, Latencies& latencies) {
    while (slots_.size() < static_cast<std::size_t>(options_.in_flight)) {
      slots_.push_back(std::make_unique<Slot>(contents_));
    }
    std::int64_t started = 0;
    for (auto& slot : slots_) {
      if (started < calls) Start(*slot, started++);
    }
    for (std::int64_t done = 0; done < calls; ++done) {
      void* tag = nullptr;
      bool ok = false;
      if (!queue_.Next(&tag, &ok)) return absl::InternalError("the queue ended");
      Slot& slot = *static_cast<Slot*>(tag);
      absl::Status status = FromGrpc(slot.status);
      if (status.ok()) status = slot.requests.Check(slot.sequence, slot.response);
      if (!status.ok()) return status;
      latencies.Add(NowNanoseconds() - slot.start);
      if (started < calls) Start(slot, started++);
    }
    return absl::OkStatus();
  }

  void Start(Slot& slot, std::int64_t sequence) {
    slot.sequence = static_cast<std::uint64_t>(sequence);
    slot.start = NowNanoseconds();
    slot.context.emplace();
    SetUnaryDeadline(*slot.context);
    slot.reader = stub_->AsyncModelInfer(&*slot.context, slot.requests[slot.sequence], &queue_);
    slot.reader->Finish(&slot.response, &slot.status, &slot);
  }

  absl::Status InferStream(std::int64_t requests, Latencies& latencies) {
    if (options_.in_flight % kStreams != 0 || requests % kStreams != 0) {
      return absl::InvalidArgumentError("requests can't be shared evenly by the streams");
    }
    std::vector<std::unique_ptr<ClientStream>> streams;
    for (int i = 0; i < kStreams; ++i) {
      streams.push_back(std::make_unique<ClientStream>(*stub_, queue_, contents_,
                                                       requests / kStreams,
                                                       options_.in_flight / kStreams, latencies));
    }
    const auto is_done = [](const auto& stream) { return stream->done(); };
    while (!std::all_of(streams.begin(), streams.end(), is_done)) {
      void* tag = nullptr;
      bool ok = false;
      if (!queue_.Next(&tag, &ok)) return absl::InternalError("the queue ended");
      static_cast<ClientStream::Event*>(tag)->Proceed(ok);
    }
    absl::Status status;
    for (const auto& stream : streams) status.Update(stream->status());
    return status;
  }

  const Options& options_;
  std::unique_ptr<GRPCInferenceService::Stub> stub_;
  const TensorContents contents_;
  grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<Slot>> slots_;
};

}  // namespace
}  // namespace parley_bench

int main(int argc, char** argv) {
  const parley_bench::Options options = parley_bench::ParseOptions(argc, argv);
  parley_bench::Client client(options);
  return parley_bench::MeasureClient(options, [&](std::int64_t operations, auto& latencies) {
    return client.Run(operations, latencies);
  });
}
