// A write that fails says that the caller has left.
// expect: nodiscard

#include <string>

#include "parley/parley.h"

void Use(parley::Writer<std::string>& out) {
#if defined(PARLEY_COMPILES)
  out.Write("text").IgnoreError();
#else
  out.Write("text");
#endif
}
