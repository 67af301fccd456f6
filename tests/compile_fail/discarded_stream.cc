// A stream that nobody keeps is cancelled at once.
// expect: nodiscard

#include <string>

#include "parley/parley.h"

inline constexpr parley::ServerStreaming<std::string, std::string> kTell{"story.Teller/Tell"};

void Use(const parley::Client& client) {
#if defined(PARLEY_COMPILES)
  auto words = client.Call(kTell, "prompt");
#else
  client.Call(kTell, "prompt");
#endif
}
