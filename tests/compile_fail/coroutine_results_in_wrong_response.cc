// A coroutine handler whose response is not the method's.
// expect: parley: this coroutine handler does not result in what its method's kind asks for

#include <string>

#include "parley/parley.h"

inline constexpr parley::Unary<std::string, std::string> kAsk{"story.Teller/Ask"};

struct Other {};

#if defined(PARLEY_COMPILES)
using Response = std::string;
#else
using Response = Other;
#endif

void Use(parley::Server& server) {
  server.Register(
      kAsk, [](parley::Context&, const std::string&) -> parley::Task<absl::StatusOr<Response>> {
        co_return Response();
      });
}
