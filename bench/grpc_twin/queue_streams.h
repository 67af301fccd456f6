// The token streams of the completion-queue client: the caller's one thread polls for all of them.
// Used by queue_client.cc.

#ifndef PARLEY_BENCH_GRPC_TWIN_QUEUE_STREAMS_H_
#define PARLEY_BENCH_GRPC_TWIN_QUEUE_STREAMS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "bench.grpc.pb.h"
#include "settings.h"
#include "side.h"
#include "token_requests.h"
#include "token_streams.h"

namespace parley_bench {

// All streams of one run. They are open from the construction to the destruction, which cancels
// what has not ended. `queue` must have no other events meanwhile.
class QueueStreams {
 public:
  QueueStreams(parley::bench::v1::Bench::Stub& stub, grpc::CompletionQueue& queue,
               const Options& options, std::int64_t operations)
      : queue_(queue), streams_(options, operations) {
    readers_.reserve(streams_.size());
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      readers_.push_back(std::make_unique<Reader>(streams_, i, options.own_answers));
      readers_.back()->Start(stub, queue_);
    }
  }
  ~QueueStreams() {
    if (!streams_.ended()) {
      for (auto& reader : readers_) reader->Cancel();
    }
    while (!streams_.ended() && ProceedOnce()) {
    }
  }

  // Reads them to what the work asks for.
  absl::Status Read(Latencies& latencies) {
    while (!streams_.done()) {
      if (!ProceedOnce()) return absl::InternalError("the queue ended");
    }
    return streams_.Wait(latencies);
  }

 private:
  class Reader {
   public:
    Reader(TokenStreams& streams, std::size_t stream, bool own_answers)
        : streams_(streams), stream_(stream), own_answers_(own_answers) {}

    void Start(parley::bench::v1::Bench::Stub& stub, grpc::CompletionQueue& queue) {
      SetStreamDeadline(context_);
      const auto request = RequestFor(streams_.plan(stream_));
      reader_ = streams_.plan(stream_).paced ? stub.AsyncGenerate(&context_, request, &queue, this)
                                             : stub.AsyncTokens(&context_, request, &queue, this);
    }

    void Cancel() { context_.TryCancel(); }

    void Proceed(bool ok) {
      if (state_ == State::kFinishing) return streams_.Ended(stream_, FromGrpc(status_));
      if (!ok) {
        state_ = State::kFinishing;
        return reader_->Finish(&status_, this);
      }
      if (state_ == State::kReading) streams_.Receive(stream_, token_.text());
      if (own_answers_) token_ = parley::bench::v1::Token();
      state_ = State::kReading;
      reader_->Read(&token_, this);
    }

   private:
    enum class State { kStarting, kReading, kFinishing };

    TokenStreams& streams_;
    const std::size_t stream_;
    const bool own_answers_;
    State state_ = State::kStarting;
    grpc::ClientContext context_;
    parley::bench::v1::Token token_;
    grpc::Status status_;
    std::unique_ptr<grpc::ClientAsyncReader<parley::bench::v1::Token>> reader_;
  };

  bool ProceedOnce() {
    void* tag = nullptr;
    bool ok = false;
    if (!queue_.Next(&tag, &ok)) return false;
    static_cast<Reader*>(tag)->Proceed(ok);
    return true;
  }

  grpc::CompletionQueue& queue_;
  TokenStreams streams_;
  std::vector<std::unique_ptr<Reader>> readers_;
};

}  // namespace parley_bench

#endif  // PARLEY_BENCH_GRPC_TWIN_QUEUE_STREAMS_H_
