// Wait uses the result up, and says so where it is written.
// expect: Wait

#include <string>
#include <utility>

#include "parley/parley.h"

inline constexpr parley::Unary<std::string, std::string> kAsk{"story.Teller/Ask"};

bool Use(const parley::Client& client) {
  auto answer = client.AsyncCall(kAsk, "question");
#if defined(PARLEY_COMPILES)
  return std::move(answer).Wait().ok();
#else
  return answer.Wait().ok();
#endif
}
