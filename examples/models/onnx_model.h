// A model in an ONNX file, run by OpenVINO, as one that a parley::ModelRegistry serves.
#ifndef EXAMPLES_MODELS_ONNX_MODEL_H_
#define EXAMPLES_MODELS_ONNX_MODEL_H_

#include <string>

#include "absl/status/statusor.h"
#include "parley/model/model.h"

// Of any model whose inputs and outputs have the batch as their first dimension. Names, types and
// shapes are the file's; requests that come at the same time run together.
// Errors: INVALID_ARGUMENT for a file that OpenVINO can't load, or a model without a batch.
absl::StatusOr<parley::Model> LoadOnnx(const std::string& path, std::string name,
                                       std::size_t max_batch_size, parley::BatchOptions queue);

#endif  // EXAMPLES_MODELS_ONNX_MODEL_H_
