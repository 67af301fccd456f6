// What the token streams of all raw gRPC clients have in common. Used by the queue, the callback and
// the blocking client.

#ifndef PARLEY_BENCH_GRPC_TWIN_TOKEN_REQUESTS_H_
#define PARLEY_BENCH_GRPC_TWIN_TOKEN_REQUESTS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "bench.pb.h"
#include "side.h"
#include "token_streams.h"

namespace parley_bench {

inline parley::bench::v1::TokensRequest RequestFor(const StreamPlan& plan) {
  parley::bench::v1::TokensRequest request;
  request.set_count(plan.count);
  request.set_text_bytes(static_cast<std::uint32_t>(plan.text_bytes));
  return request;
}

// As TokenStreams::CheckOptions; what a stalled reader costs others is asked of parley alone.
inline absl::Status CheckStreamOptions(const Options& options) {
  if (options.first_stream == "stalled") return absl::UnimplementedError("no stalled reader here");
  return TokenStreams::CheckOptions(options);
}

}  // namespace parley_bench

#endif  // PARLEY_BENCH_GRPC_TWIN_TOKEN_REQUESTS_H_
