// A coroutine handler of a unary method that results in bare absl::Status.
// expect: parley: OK without a response can't be said

#include <string>

#include "parley/parley.h"

inline constexpr parley::Unary<std::string, std::string> kAsk{"story.Teller/Ask"};

#if defined(PARLEY_COMPILES)
using Result = absl::StatusOr<std::string>;
#else
using Result = absl::Status;
#endif

void Use(parley::Server& server) {
  server.Register(kAsk, [](parley::Context&, const std::string&) -> parley::Task<Result> {
    co_return absl::UnimplementedError("not yet");
  });
}
