// The parameters of a request that the protocol itself defines; others are the application's.
#ifndef PARLEY_SRC_KSERVE_REQUEST_PARAMETERS_H_
#define PARLEY_SRC_KSERVE_REQUEST_PARAMETERS_H_

#include <cstddef>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "parley/model/inference.h"

namespace parley::kserve {

struct ProtocolParameters {
  std::size_t priority = 0;  // 0: the model's default
  absl::Duration queue_timeout = absl::InfiniteDuration();
  // At the end of a stream, a response without outputs that says that it was the last.
  bool empty_final_response = false;
};

// Takes them out of the request, its outputs' too.
// Errors:   INVALID_ARGUMENT for one of the wrong type or out of range; UNIMPLEMENTED for sequences.
absl::StatusOr<ProtocolParameters> TakeProtocolParameters(InferRequest& request);

}  // namespace parley::kserve

#endif  // PARLEY_SRC_KSERVE_REQUEST_PARAMETERS_H_
