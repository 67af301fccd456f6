// A pending call that nobody keeps is cancelled at once.
// expect: nodiscard

#include <string>

#include "parley/parley.h"

inline constexpr parley::Unary<std::string, std::string> kAsk{"story.Teller/Ask"};

void Use(const parley::Client& client) {
#if defined(PARLEY_COMPILES)
  client.AsyncCall(kAsk, "question").Then([](const absl::StatusOr<std::string>&) {});
#else
  client.AsyncCall(kAsk, "question");
#endif
}
