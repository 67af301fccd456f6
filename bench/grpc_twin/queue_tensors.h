// The completion-queue client's half of a tensor that goes there and back: the thread that sends it
// waits for it on the queue. Used by queue_client.cc.

#ifndef PARLEY_BENCH_GRPC_TWIN_QUEUE_TENSORS_H_
#define PARLEY_BENCH_GRPC_TWIN_QUEUE_TENSORS_H_

#include <grpcpp/grpcpp.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "bench.grpc.pb.h"
#include "latencies.h"
#include "settings.h"
#include "side.h"
#include "tensor_contents.h"

namespace parley_bench {

// The requests are made once. All answers are read into one message, whose memory is used again, or,
// with `own_answers`, each into its own.
class QueueTensors {
 public:
  QueueTensors(parley::bench::v1::Bench::Stub& stub, grpc::CompletionQueue& queue,
               const Options& options)
      : stub_(stub), queue_(queue), own_answers_(options.own_answers), contents_(options.elements) {
    for (std::uint64_t i = 0; i < requests_.size(); ++i) {
      requests_[i].set_body(std::string(BytesOf(contents_.Make(i))));
    }
  }

  absl::Status Run(std::int64_t calls, Latencies& latencies) {
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(calls); ++i) {
      const std::int64_t start = NowNanoseconds();
      if (own_answers_) response_ = parley::bench::v1::Payload();
      if (absl::Status s = Call(requests_[i % requests_.size()]); !s.ok()) return s;
      if (absl::Status s = contents_.Check(i, response_.body()); !s.ok()) return s;
      latencies.Add(NowNanoseconds() - start);
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Call(const parley::bench::v1::Payload& request) {
    grpc::ClientContext context;
    SetUnaryDeadline(context);
    grpc::Status status;
    auto reader = stub_.AsyncTensor(&context, request, &queue_);
    reader->Finish(&response_, &status, this);
    void* tag = nullptr;
    bool ok = false;
    if (!queue_.Next(&tag, &ok)) return absl::InternalError("the queue ended");
    return FromGrpc(status);
  }

  parley::bench::v1::Bench::Stub& stub_;
  grpc::CompletionQueue& queue_;
  const bool own_answers_;
  const TensorContents contents_;
  std::array<parley::bench::v1::Payload, TensorContents::kDifferent> requests_;
  parley::bench::v1::Payload response_;
};

}  // namespace parley_bench

#endif  // PARLEY_BENCH_GRPC_TWIN_QUEUE_TENSORS_H_
