// Plain handlers of the benchmarks: see service.h.

#include "service.h"

#include "payload.h"

namespace parley_bench {

void RegisterService(parley::Server& server) {
  server.Register(kEcho, [](parley::Context&, const Payload& request) -> absl::StatusOr<Payload> {
    Payload response;
    response.set_body(request.body());
    return response;
  });
  server.Register(kTokens,
                  [](parley::Context&, const TokensRequest& request,
                     parley::Writer<Token>& out) -> absl::Status {
                    Token token;
                    for (std::uint32_t i = 0; i < request.count(); ++i) {
                      FillTokenText(i, *token.mutable_text());
                      if (absl::Status s = out.Write(token); !s.ok()) return s;
                    }
                    return absl::OkStatus();
                  });
}

}  // namespace parley_bench
