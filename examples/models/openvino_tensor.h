// Tensors and their types, between OpenVINO and parley, without a copy.
#ifndef EXAMPLES_MODELS_OPENVINO_TENSOR_H_
#define EXAMPLES_MODELS_OPENVINO_TENSOR_H_

#include <vector>

#include "absl/status/statusor.h"
#include "openvino/openvino.hpp"
#include "parley/model/model.h"

// What one item of a batch has at these inputs or outputs.
// Errors: INVALID_ARGUMENT if a first dimension is not free to be any batch's size, or if parley
//         has no such type.
absl::StatusOr<std::vector<parley::TensorSpec>> ItemSpecs(
    const std::vector<ov::Output<const ov::Node>>& ports);

// The same memory, which `tensor` keeps. REQUIRES: a type of ItemSpecs'.
ov::Tensor ViewOf(const parley::Tensor& tensor);

// The same memory, kept as long as what is returned.
absl::StatusOr<parley::Tensor> Share(const ov::Tensor& tensor);

#endif  // EXAMPLES_MODELS_OPENVINO_TENSOR_H_
