// An answer that nobody looks at hides the error that may be in its place.
// expect: nodiscard

#include <string>

#include "parley/parley.h"

inline constexpr parley::Unary<std::string, std::string> kAsk{"story.Teller/Ask"};

void Use(const parley::Client& client) {
#if defined(PARLEY_COMPILES)
  client.Call(kAsk, "question").IgnoreError();
#else
  client.Call(kAsk, "question");
#endif
}
