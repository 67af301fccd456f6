// A request that is not the method's.
// expect: no matching
// expect: Call

#include <string>

#include "parley/parley.h"

inline constexpr parley::Unary<std::string, std::string> kAsk{"story.Teller/Ask"};

struct Other {};

#if defined(PARLEY_COMPILES)
const std::string request;
#else
const Other request;
#endif

bool Use(const parley::Client& client) { return client.Call(kAsk, request).ok(); }
