// Server reflection, v1 and v1alpha: grpcurl and its like need no .proto file of KServe's protocol.
#ifndef PARLEY_SRC_KSERVE_REFLECTION_H_
#define PARLEY_SRC_KSERVE_REFLECTION_H_

#include "parley/server.h"

namespace parley::kserve {

void AddReflection(Server& server);

}  // namespace parley::kserve

#endif  // PARLEY_SRC_KSERVE_REFLECTION_H_
