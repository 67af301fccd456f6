// A task that nobody awaits never starts.
// expect: nodiscard

#include "parley/task.h"

parley::Task<int> Count();

parley::Task<int> Use() {
#if defined(PARLEY_COMPILES)
  co_return co_await Count();
#else
  Count();
  co_return 0;
#endif
}
