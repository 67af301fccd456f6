// Raw gRPC client, completion-queue API: the one thread that starts calls also polls their queue,
// so a caller with one call in flight waits for it without another thread. Calls live in slots that
// are used again, messages and all.

#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "arrivals.h"
#include "bench.grpc.pb.h"
#include "call_loop.h"
#include "payload.h"
#include "queue_streams.h"
#include "queue_tensors.h"
#include "settings.h"
#include "side.h"

namespace parley_bench {
namespace {

using parley::bench::v1::Bench;
using parley::bench::v1::Payload;

class Client {
 public:
  explicit Client(const Options& options)
      : options_(options),
        stub_(Bench::NewStub(OpenChannel(options.address))),
        slots_(static_cast<std::size_t>(options.in_flight)) {}

  ~Client() {
    open_.clear();
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  absl::Status Run(std::int64_t operations, Latencies& latencies) {
    if (options_.work == "echo") return Echo(operations, latencies);
    if (options_.work == "echo_at_rate") return EchoAtRate(operations, latencies);
    if (options_.work == "tensor") {
      if (!tensors_) tensors_.emplace(*stub_, queue_, options_);
      return tensors_->Run(operations, latencies);
    }
    if (absl::Status s = CheckStreamOptions(options_); !s.ok()) return s;
    auto streams = std::make_shared<QueueStreams>(*stub_, queue_, options_, operations);
    if (options_.work == "idle") open_.push_back(streams);
    return streams->Read(latencies);
  }

 private:
  struct EchoSlot {
    std::uint64_t sequence = 0;
    std::int64_t start = 0;
    Payload request;
    Payload response;
    grpc::Status status;
    std::optional<grpc::ClientContext> context;
    std::unique_ptr<grpc::ClientAsyncResponseReader<Payload>> reader;
  };

  absl::Status Echo(std::int64_t calls, Latencies& latencies) {
    std::int64_t started = 0;
    for (EchoSlot& slot : slots_) {
      if (started < calls) Start(slot, started++, NowNanoseconds());
    }
    for (std::int64_t done = 0; done < calls; ++done) {
      EchoSlot* slot = Next();
      if (slot == nullptr) return absl::InternalError("the queue ended");
      const std::int64_t now = NowNanoseconds();
      latencies.Add(now - slot->start);
      if (absl::Status s = Check(*slot); !s.ok()) return s;
      if (options_.own_answers) slot->response = Payload();
      if (started < calls) Start(*slot, started++, now);
    }
    return absl::OkStatus();
  }

  // One thread starts calls when they are due, another takes their ends.
  absl::Status EchoAtRate(std::int64_t calls, Latencies& latencies) {
    CallLoop loop(calls, latencies);
    std::mutex mutex;
    std::vector<EchoSlot*> unused;
    for (EchoSlot& slot : slots_) unused.push_back(&slot);
    std::jthread poller([&] {
      for (std::int64_t done = 0; done < calls; ++done) {
        EchoSlot* slot = Next();
        if (slot == nullptr) return;
        const std::int64_t due = slot->start;
        const absl::Status status = Check(*slot);
        {
          std::lock_guard lock(mutex);
          unused.push_back(slot);
        }
        loop.Done(due, status);
      }
    });
    Arrivals arrivals(options_.rate);
    while (auto sequence = loop.StartOneOf(options_.in_flight)) {
      const std::int64_t due = arrivals.WaitForNext();
      EchoSlot* slot = nullptr;
      {
        std::lock_guard lock(mutex);
        slot = unused.back();
        unused.pop_back();
      }
      Start(*slot, static_cast<std::int64_t>(*sequence), due);
    }
    return loop.Wait();
  }

  void Start(EchoSlot& slot, std::int64_t sequence, std::int64_t start) {
    slot.sequence = static_cast<std::uint64_t>(sequence);
    FillEchoBody(slot.sequence, *slot.request.mutable_body());
    slot.start = start;
    slot.context.emplace();
    SetUnaryDeadline(*slot.context);
    slot.reader = stub_->AsyncEcho(&*slot.context, slot.request, &queue_);
    slot.reader->Finish(&slot.response, &slot.status, &slot);
  }

  // The next call that has ended.
  EchoSlot* Next() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) ? static_cast<EchoSlot*>(tag) : nullptr;
  }

  static absl::Status Check(const EchoSlot& slot) {
    if (!slot.status.ok()) return FromGrpc(slot.status);
    return CheckEchoBody(slot.sequence, slot.response.body());
  }

  const Options& options_;
  std::unique_ptr<Bench::Stub> stub_;
  grpc::CompletionQueue queue_;
  std::vector<EchoSlot> slots_;
  std::optional<QueueTensors> tensors_;
  std::vector<std::shared_ptr<QueueStreams>> open_;  // idle streams stay so while measured
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
