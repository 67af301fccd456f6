// One ModelStreamInfer call of the client of KServe's service: some requests in flight, whose answers
// come in their order. Used by client.cc.

#ifndef PARLEY_BENCH_KSERVE_CLIENT_STREAM_H_
#define PARLEY_BENCH_KSERVE_CLIENT_STREAM_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <deque>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "grpc_service.grpc.pb.h"
#include "grpc_twin/settings.h"
#include "latencies.h"
#include "requests.h"

namespace parley_bench {

// Lifetime: until done.
class ClientStream {
 public:
  // What the queue hands back.
  struct Event {
    ClientStream* stream;
    void (ClientStream::*handle)(bool ok);
    void Proceed(bool ok) { (stream->*handle)(ok); }
  };

  ClientStream(inference::GRPCInferenceService::Stub& stub, grpc::CompletionQueue& queue,
               const TensorContents& contents, std::int64_t requests, int in_flight,
               Latencies& latencies)
      : requests_(contents), total_(requests), in_flight_(in_flight), latencies_(latencies) {
    SetStreamDeadline(context_);
    stream_ = stub.AsyncModelStreamInfer(&context_, &queue, &started_);
  }

  bool done() const { return done_; }
  // Once it is done.
  const absl::Status& status() const { return status_; }

 private:
  void OnStarted(bool ok) {
    if (!ok) return Finish();
    stream_->Read(&response_, &read_);
    WriteNext();
  }

  void OnWritten(bool ok) {
    writing_ = false;
    if (ok) WriteNext();
    FinishOnceAnswered();
  }

  void OnRead(bool ok) {
    if (!ok) {
      status_.Update(absl::DataLossError(absl::StrCat(received_, " answers came, not ", total_)));
      ended_ = true;
      return FinishOnceAnswered();
    }
    latencies_.Add(NowNanoseconds() - starts_.front());
    starts_.pop_front();
    if (!response_.error_message().empty()) {
      status_.Update(absl::InternalError(response_.error_message()));
    } else {
      status_.Update(
          requests_.Check(static_cast<std::uint64_t>(received_), response_.infer_response()));
    }
    if (++received_ == total_) {
      ended_ = true;
      return FinishOnceAnswered();
    }
    stream_->Read(&response_, &read_);
    WriteNext();
  }

  void OnWritesDone(bool /*ok*/) { Finish(); }

  void OnFinished(bool /*ok*/) {
    done_ = true;
    status_.Update(FromGrpc(grpc_status_));
  }

  void WriteNext() {
    if (writing_ || sent_ == total_ || sent_ - received_ == in_flight_) return;
    writing_ = true;
    starts_.push_back(NowNanoseconds());
    stream_->Write(requests_[static_cast<std::uint64_t>(sent_++)], &written_);
  }

  void FinishOnceAnswered() {
    if (ended_ && !writing_) stream_->WritesDone(&writes_done_);
  }

  void Finish() { stream_->Finish(&grpc_status_, &finished_); }

  Requests requests_;
  const std::int64_t total_;
  const std::int64_t in_flight_;
  Latencies& latencies_;
  std::deque<std::int64_t> starts_;  // of the requests in flight
  std::int64_t sent_ = 0;
  std::int64_t received_ = 0;
  bool writing_ = false;
  bool ended_ = false;  // nothing more is read
  bool done_ = false;
  absl::Status status_;
  grpc::Status grpc_status_;
  grpc::ClientContext context_;
  inference::ModelStreamInferResponse response_;
  Event started_{this, &ClientStream::OnStarted};
  Event written_{this, &ClientStream::OnWritten};
  Event read_{this, &ClientStream::OnRead};
  Event writes_done_{this, &ClientStream::OnWritesDone};
  Event finished_{this, &ClientStream::OnFinished};
  std::unique_ptr<grpc::ClientAsyncReaderWriter<inference::ModelInferRequest,
                                                inference::ModelStreamInferResponse>>
      stream_;
};

}  // namespace parley_bench

#endif  // PARLEY_BENCH_KSERVE_CLIENT_STREAM_H_
