// Version(): asks the gRPC that was loaded, which need not be the one that was compiled against.

#include "parley/version.h"

#include <grpcpp/grpcpp.h>

#include <string>

namespace parley {

std::string Version() { return "parley " PARLEY_VERSION " (gRPC " + grpc::Version() + ")"; }

}  // namespace parley
