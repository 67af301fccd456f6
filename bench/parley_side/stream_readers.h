// The token streams of parley's client: one read by a thread that blocks, many by callbacks. Used
// by client.cc.

#ifndef PARLEY_BENCH_PARLEY_SIDE_STREAM_READERS_H_
#define PARLEY_BENCH_PARLEY_SIDE_STREAM_READERS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "parley/parley.h"
#include "payload.h"
#include "service.h"
#include "side.h"
#include "token_streams.h"

namespace parley_bench {

inline TokensRequest RequestFor(const StreamPlan& plan, const TokensRequest*) {
  TokensRequest request;
  request.set_count(plan.count);
  request.set_text_bytes(static_cast<std::uint32_t>(plan.text_bytes));
  return request;
}
inline FixedRequest RequestFor(const StreamPlan& plan, const FixedRequest*) {
  FixedRequest request;
  FillTokenText(plan.count, absl::MakeSpan(request.bytes));
  return request;
}

// All streams of one run. They are open from the construction to the destruction, which cancels
// what has not ended.
template <class Q, class A>
class StreamReaders {
 public:
  StreamReaders(const parley::Client& client, const parley::ServerStreaming<Q, A>& method,
                const parley::CallOptions& call_options, const Options& options,
                std::int64_t operations)
      : streams_(options, operations) {
    readers_.reserve(streams_.size());
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      const Q request = RequestFor(streams_.plan(i), static_cast<const Q*>(nullptr));
      readers_.push_back(client.Call(method, request, call_options));
    }
  }
  ~StreamReaders() {
    for (std::size_t i = 0; i < readers_.size(); ++i) {
      if (reading_ && streams_.plan(i).read) {
        readers_[i].Cancel();
      } else {
        (void)readers_[i].Finish();  // cancels too, and nobody misses the status
      }
    }
    if (reading_) streams_.WaitEnded();
  }

  // Reads them to what the work asks for.
  absl::Status Read(Latencies& latencies) {
    const bool silent = streams_.plan(0).count == 0;
    if (streams_.size() == 1 && !silent) {
      for (const A& token : readers_[0]) streams_.Receive(0, TextOf(token));
      streams_.Ended(0, readers_[0].Finish());
    } else {
      reading_ = true;
      for (std::size_t i = 0; i < streams_.size(); ++i) {
        if (streams_.plan(i).read) ReadNext(i);
      }
    }
    return streams_.Wait(latencies);
  }

 private:
  void ReadNext(std::size_t stream) {
    readers_[stream].AsyncNext().Then([this, stream](const std::optional<A>& token) {
      if (!token) return streams_.Ended(stream, readers_[stream].Finish());
      streams_.Receive(stream, TextOf(*token));
      ReadNext(stream);
    });
  }

  TokenStreams streams_;
  std::vector<parley::ClientReader<A>> readers_;
  bool reading_ = false;
};

}  // namespace parley_bench

#endif  // PARLEY_BENCH_PARLEY_SIDE_STREAM_READERS_H_
