// Which parley this is: macros for the headers that were compiled against, Version() for the
// library that runs. For applications that log it or choose by it.

#ifndef PARLEY_VERSION_H_
#define PARLEY_VERSION_H_

#include <string>

#include "parley/detail/export.h"

#define PARLEY_VERSION "0.1.0"

// 10000 * major + 100 * minor + patch, for #if.
#define PARLEY_VERSION_NUMBER 100

namespace parley {

// The versions of the linked parley and of the gRPC it runs on: "parley 0.1.0 (gRPC 1.51.1)".
//
// Blocks:   never
// Threads:  safe
[[nodiscard]] PARLEY_EXPORT std::string Version();

}  // namespace parley

#endif  // PARLEY_VERSION_H_
