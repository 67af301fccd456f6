// A result that nobody looks at is a mistake: [[nodiscard]] reaches the user's compiler.
// expect: nodiscard

#include "parley/version.h"

void Use() {
#if defined(PARLEY_COMPILES)
  const std::string version = parley::Version();
#else
  parley::Version();
#endif
}
