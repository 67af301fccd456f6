// Whether requests and responses are what a model's spec says.
#ifndef PARLEY_SRC_MODEL_REQUEST_CHECK_H_
#define PARLEY_SRC_MODEL_REQUEST_CHECK_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "parley/model/model.h"

namespace parley::detail {

// Whether a spec makes sense.
// Errors:   INVALID_ARGUMENT.
absl::Status CheckSpec(const ModelSpec& spec);

// How many items a request has; 1 of a model without batches.
// Errors:   INVALID_ARGUMENT, naming the input and both numbers.
absl::StatusOr<std::size_t> CheckRequest(const ModelSpec& spec, const InferRequest& request);

// What of it must be alike in a batch. REQUIRES: the request is one that the spec allows.
std::string BatchKind(const ModelSpec& spec, const InferRequest& request);

// Puts the outputs that the request asks for in its order, and fills in model, version and id.
// `items` are the request's. Of a response that is one of many, outputs may be missing.
// Errors:   INTERNAL, naming the output.
absl::Status CompleteResponse(const ModelSpec& spec, const InferRequest& request, std::size_t items,
                              bool one_of_many, InferResponse& response);

}  // namespace parley::detail

#endif  // PARLEY_SRC_MODEL_REQUEST_CHECK_H_
