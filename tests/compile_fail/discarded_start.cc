// A server that could not start says so in a status.
// expect: nodiscard

#include "parley/parley.h"

void Use(parley::Server& server) {
#if defined(PARLEY_COMPILES)
  server.Start("127.0.0.1:0").IgnoreError();
#else
  server.Start("127.0.0.1:0");
#endif
}
