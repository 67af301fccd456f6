// A handler runs on many threads at once, so it must be callable as const.
// expect: or can't be called as const

#include <string>

#include "parley/parley.h"

inline constexpr parley::Unary<std::string, std::string> kAsk{"story.Teller/Ask"};

void Use(parley::Server& server) {
  int calls = 0;
#if defined(PARLEY_COMPILES)
  server.Register(kAsk,
                  [&calls](parley::Context&, const std::string&) -> absl::StatusOr<std::string> {
#else
  server.Register(
      kAsk, [calls](parley::Context&, const std::string&) mutable -> absl::StatusOr<std::string> {
#endif
                    return std::to_string(++calls);
                  });
}
