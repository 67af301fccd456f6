// The handlers of the benchmarks: see service.h.

#include "service.h"

#include <cstring>
#include <memory>
#include <utility>

namespace parley_bench {
namespace {

absl::StatusOr<Payload> Echo(parley::Context&, const Payload& request) {
  Payload response;
  response.set_body(request.body());
  return response;
}

absl::StatusOr<FixedPayload> EchoFixed(parley::Context&, const FixedPayload& request) {
  return request;
}

std::uint32_t CountOf(const TokensRequest& request) { return request.count(); }
std::uint32_t CountOf(const FixedRequest& request) {
  std::uint32_t count = 0;
  std::memcpy(&count, request.bytes.data(), sizeof(count));
  return count;
}

template <class Q, class A>
absl::Status WriteTokens(parley::Context&, const Q& request, parley::Writer<A>& out) {
  A token;
  for (std::uint32_t i = 0; i < CountOf(request); ++i) {
    SetText(i, token);
    if (absl::Status s = out.Write(token); !s.ok()) return s;
  }
  return absl::OkStatus();
}

template <class Q, class A>
parley::Task<absl::Status> WriteTokensInTurn(parley::Context&, const Q& request,
                                             parley::Writer<A>& out) {
  A token;
  for (std::uint32_t i = 0; i < CountOf(request); ++i) {
    SetText(i, token);
    if (absl::Status s = co_await out.AsyncWrite(token); !s.ok()) co_return s;
  }
  co_return absl::OkStatus();
}

template <class Q, class A>
void RegisterTokens(parley::Server& server, const parley::ServerStreaming<Q, A>& method,
                    TokensHandler handler) {
  if (handler == TokensHandler::kPlain) return server.Register(method, WriteTokens<Q, A>);
  server.Register(method, WriteTokensInTurn<Q, A>);
}

using GenerateCall = parley::ServerCall<parley::ServerStreaming<TokensRequest, Token>>;

class CallGeneration final : public Generation {
 public:
  explicit CallGeneration(GenerateCall call) : call_(std::move(call)) {}

  Written TryWrite(std::string_view text, bool last) override {
    token_.set_text(text.data(), text.size());
    const absl::StatusOr<bool> written = call_.TryWrite(token_);
    if (!written.ok()) return Written::kGone;
    if (!*written) return Written::kNotNow;
    if (last) std::move(call_).Finish(absl::OkStatus());
    return Written::kYes;
  }

  void Abandon() override { std::move(call_).Finish(absl::UnavailableError("the engine stops")); }

 private:
  GenerateCall call_;
  Token token_;
};

}  // namespace

void RegisterService(parley::Server& server, TokensHandler tokens, Engine& engine,
                     const TensorContents& contents) {
  server.Register(kEcho, Echo);
  server.Register(kEchoFixed, EchoFixed);
  RegisterTokens(server, kTokens, tokens);
  RegisterTokens(server, kTokensFixed, tokens);
  server.Register(kGenerate, [&engine](GenerateCall call) {
    const TokensRequest request = call.request();
    engine.Add(std::make_shared<CallGeneration>(std::move(call)), request.count(),
               request.text_bytes());
  });
  server.Register(kTensor,
                  [&contents](parley::Context&,
                              const parley::Tensor& request) -> absl::StatusOr<parley::Tensor> {
                    if (absl::Status s = contents.CheckAny(request.bytes()); !s.ok()) return s;
                    return request;
                  });
}

}  // namespace parley_bench
