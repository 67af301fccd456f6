// A handler that takes neither the arguments of its method's kind nor a ServerCall.
// expect: parley: this handler takes neither the arguments of its method's kind

#include <string>

#include "parley/parley.h"

inline constexpr parley::Unary<std::string, std::string> kAsk{"story.Teller/Ask"};

#if defined(PARLEY_COMPILES)
using Request = std::string;
#else
using Request = int*;
#endif

void Use(parley::Server& server) {
  server.Register(
      kAsk, [](parley::Context&, const Request&) -> absl::StatusOr<std::string> { return ""; });
}
