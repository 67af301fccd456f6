// Finish uses the call up, and says so where it is written.
// expect: Finish

#include <string>
#include <utility>

#include "parley/parley.h"

inline constexpr parley::Unary<std::string, std::string> kAsk{"story.Teller/Ask"};

void Use(parley::ServerCall<parley::Unary<std::string, std::string>> call) {
#if defined(PARLEY_COMPILES)
  std::move(call).Finish("answer");
#else
  call.Finish("answer");
#endif
}
