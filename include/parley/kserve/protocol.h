// The messages of an inference in the Open Inference Protocol v2, as KServe and Triton speak it:
// ModelInferRequest and ModelInferResponse, whose tensors are sent and received without being copied.
#ifndef PARLEY_KSERVE_PROTOCOL_H_
#define PARLEY_KSERVE_PROTOCOL_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "parley/buffer.h"
#include "parley/codec.h"
#include "parley/detail/export.h"
#include "parley/method.h"
#include "parley/model/inference.h"

namespace parley {

namespace kserve {

// ModelStreamInferResponse: an error, or a response.
struct StreamResponse {
  std::string error_message = "";  // not empty: an error; of the response only the id counts
  InferResponse response = {};
};

inline constexpr Unary<InferRequest, InferResponse> kModelInfer{
    "inference.GRPCInferenceService/ModelInfer"};
inline constexpr Bidi<InferRequest, StreamResponse> kModelStreamInfer{
    "inference.GRPCInferenceService/ModelStreamInfer"};

}  // namespace kserve

// Tensors are sent raw, and received raw or typed.
template <>
struct PARLEY_EXPORT Codec<InferRequest> {
  static absl::Status Encode(const InferRequest& value, Buffer& out);
  // Errors:   INVALID_ARGUMENT, saying which input is wrong and how.
  static absl::Status Decode(const Buffer& in, InferRequest& out);
  static std::size_t SizeBytes(const InferRequest& value);
};

template <>
struct PARLEY_EXPORT Codec<InferResponse> {
  static absl::Status Encode(const InferResponse& value, Buffer& out);
  static absl::Status Decode(const Buffer& in, InferResponse& out);
  static std::size_t SizeBytes(const InferResponse& value);
};

template <>
struct PARLEY_EXPORT Codec<kserve::StreamResponse> {
  static absl::Status Encode(const kserve::StreamResponse& value, Buffer& out);
  static absl::Status Decode(const Buffer& in, kserve::StreamResponse& out);
  static std::size_t SizeBytes(const kserve::StreamResponse& value);
};

}  // namespace parley

#endif  // PARLEY_KSERVE_PROTOCOL_H_
