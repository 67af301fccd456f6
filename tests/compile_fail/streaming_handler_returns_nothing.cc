// A streaming handler that returns nothing says nothing about how the call went.
// expect: parley: this handler does not return what its method's kind asks for

#include <string>

#include "parley/parley.h"

inline constexpr parley::ServerStreaming<std::string, std::string> kTell{"story.Teller/Tell"};

void Use(parley::Server& server) {
  server.Register(kTell,
                  [](parley::Context&, const std::string&, parley::Writer<std::string>& out) {
#if defined(PARLEY_COMPILES)
                    return out.Write("once");
#else
    out.Write("once").IgnoreError();
#endif
                  });
}
