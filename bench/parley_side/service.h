// parley's side of the benchmarks: the contract of bench.proto, the same with messages that need no
// heap, and the handlers. Used by the server and by the client that calls a server in its own
// process.

#ifndef PARLEY_BENCH_PARLEY_SIDE_SERVICE_H_
#define PARLEY_BENCH_PARLEY_SIDE_SERVICE_H_

#include <string_view>

#include "bench.pb.h"
#include "engine.h"
#include "fixed_bytes.h"
#include "parley/model/tensor.h"
#include "parley/parley.h"
#include "payload.h"
#include "tensor_contents.h"

namespace parley_bench {

using parley::bench::v1::Payload;
using parley::bench::v1::Token;
using parley::bench::v1::TokensRequest;

using FixedPayload = FixedBytes<kEchoBodyBytes>;
using FixedToken = FixedBytes<kTokenTextBytes>;
using FixedRequest = FixedBytes<kTokenTextBytes>;  // how many tokens, written as a token's index is

inline constexpr parley::Unary<Payload, Payload> kEcho{"parley.bench.v1.Bench/Echo"};
inline constexpr parley::ServerStreaming<TokensRequest, Token> kTokens{
    "parley.bench.v1.Bench/Tokens"};
inline constexpr parley::ServerStreaming<TokensRequest, Token> kGenerate{
    "parley.bench.v1.Bench/Generate"};

// Answers with the tensor that was sent, once it has read it.
inline constexpr parley::Unary<parley::Tensor, parley::Tensor> kTensor{
    "parley.bench.v1.Models/Tensor"};
// Answers with the body that was sent, when the model has slept.
inline constexpr parley::Unary<Payload, Payload> kSleep{"parley.bench.v1.Models/Sleep"};

inline constexpr parley::Unary<FixedPayload, FixedPayload> kEchoFixed{"parley.bench.v1.Fixed/Echo"};
inline constexpr parley::ServerStreaming<FixedRequest, FixedToken> kTokensFixed{
    "parley.bench.v1.Fixed/Tokens"};

inline std::string_view BodyOf(const Payload& message) { return message.body(); }
inline std::string_view BodyOf(const FixedPayload& message) { return message.view(); }
inline std::string_view TextOf(const Token& token) { return token.text(); }
inline std::string_view TextOf(const FixedToken& token) { return token.view(); }

inline void SetBody(std::uint64_t sequence, Payload& message) {
  FillEchoBody(sequence, *message.mutable_body());
}
inline void SetBody(std::uint64_t sequence, FixedPayload& message) {
  FillEchoBody(sequence, absl::MakeSpan(message.bytes));
}
inline void SetText(std::uint32_t index, Token& token) {
  FillTokenText(index, *token.mutable_text());
}
inline void SetText(std::uint32_t index, FixedToken& token) {
  FillTokenText(index, absl::MakeSpan(token.bytes));
}

enum class TokensHandler {
  kPlain,      // a thread for each stream
  kCoroutine,  // none for one that waits
};

// Registers plain handlers, for streams of tokens `tokens`, and for Generate one that hands the
// call to `engine`. Tensors must be `contents`. Both must outlive the server.
void RegisterService(parley::Server& server, TokensHandler tokens, Engine& engine,
                     const TensorContents& contents);

}  // namespace parley_bench

#endif  // PARLEY_BENCH_PARLEY_SIDE_SERVICE_H_
