// parley's side of the benchmarks: the contract of bench.proto and its handlers. Used by the server
// and by the client that calls a server in its own process.

#ifndef PARLEY_BENCH_PARLEY_SIDE_SERVICE_H_
#define PARLEY_BENCH_PARLEY_SIDE_SERVICE_H_

#include "bench.pb.h"
#include "parley/parley.h"

namespace parley_bench {

using parley::bench::v1::Payload;
using parley::bench::v1::Token;
using parley::bench::v1::TokensRequest;

inline constexpr parley::Unary<Payload, Payload> kEcho{"parley.bench.v1.Bench/Echo"};
inline constexpr parley::ServerStreaming<TokensRequest, Token> kTokens{
    "parley.bench.v1.Bench/Tokens"};

// Registers plain handlers for both.
void RegisterService(parley::Server& server);

}  // namespace parley_bench

#endif  // PARLEY_BENCH_PARLEY_SIDE_SERVICE_H_
