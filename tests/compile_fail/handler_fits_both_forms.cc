// A handler that takes anything fits both forms, and could mean either.
// expect: parley: this handler takes both the arguments of its method's kind and a

#include <string>

#include "parley/parley.h"

inline constexpr parley::Unary<std::string, std::string> kAsk{"story.Teller/Ask"};

void Use(parley::Server& server) {
#if defined(PARLEY_COMPILES)
  server.Register(kAsk, [](auto& /*context*/, const auto& request) -> absl::StatusOr<std::string> {
    return request;
  });
#else
  server.Register(kAsk, [](auto&&...) -> absl::StatusOr<std::string> { return ""; });
#endif
}
