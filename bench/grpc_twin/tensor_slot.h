// The completion-queue server's half of a tensor that goes there and back. Used by queue_server.cc.

#ifndef PARLEY_BENCH_GRPC_TWIN_TENSOR_SLOT_H_
#define PARLEY_BENCH_GRPC_TWIN_TENSOR_SLOT_H_

#include <grpcpp/grpcpp.h>

#include <optional>

#include "absl/status/status.h"
#include "bench.grpc.pb.h"
#include "queue_slot.h"
#include "tensor_contents.h"

namespace parley_bench {

// Between request and response no elements are copied. The messages are used again, so that after the
// first calls no memory is allocated for elements, or, with `own_answers`, new for each call.
class TensorSlot final : public Slot {
 public:
  using Bench = parley::bench::v1::Bench;
  using Payload = parley::bench::v1::Payload;

  TensorSlot(Bench::AsyncService* service, grpc::ServerCompletionQueue* queue,
             const TensorContents& contents, bool own_answers)
      : service_(service), queue_(queue), contents_(contents), own_answers_(own_answers) {}

  void Arm() override {
    finishing_ = false;
    context_.emplace();
    writer_.emplace(&*context_);
    service_->RequestTensor(&*context_, &request_, &*writer_, queue_, queue_, this);
  }

  void Proceed(bool ok) override {
    if (finishing_) return Arm();
    if (!ok) return;  // the server stops
    finishing_ = true;
    if (absl::Status s = contents_.CheckAny(request_.body()); !s.ok()) {
      return writer_->FinishWithError({grpc::StatusCode::DATA_LOSS, std::string(s.message())},
                                      this);
    }
    if (own_answers_) response_ = Payload();
    response_.mutable_body()->swap(*request_.mutable_body());
    writer_->Finish(response_, grpc::Status::OK, this);
  }

 private:
  Bench::AsyncService* const service_;
  grpc::ServerCompletionQueue* const queue_;
  const TensorContents& contents_;
  const bool own_answers_;
  bool finishing_ = false;
  Payload request_;
  Payload response_;
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncResponseWriter<Payload>> writer_;
};

}  // namespace parley_bench

#endif  // PARLEY_BENCH_GRPC_TWIN_TENSOR_SLOT_H_
