// A ModelInferRequest as a server receives it: what is wrong with it is the answer to it, not a failure
// of the call that brought it.
#ifndef PARLEY_SRC_KSERVE_RECEIVED_REQUEST_H_
#define PARLEY_SRC_KSERVE_RECEIVED_REQUEST_H_

#include <cstddef>

#include "absl/status/status.h"
#include "parley/codec.h"
#include "parley/model/inference.h"

namespace parley {

namespace kserve {

struct ReceivedRequest {
  InferRequest request;  // as far as it could be read
  absl::Status fault;    // INVALID_ARGUMENT if that was not all
};

}  // namespace kserve

template <>
struct Codec<kserve::ReceivedRequest> {
  static absl::Status Encode(const kserve::ReceivedRequest& value, Buffer& out);
  // Never fails.
  static absl::Status Decode(const Buffer& in, kserve::ReceivedRequest& out);
  static std::size_t SizeBytes(const kserve::ReceivedRequest& value);
};

}  // namespace parley

#endif  // PARLEY_SRC_KSERVE_RECEIVED_REQUEST_H_
