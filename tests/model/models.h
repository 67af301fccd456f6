// Models that tests serve.
#ifndef PARLEY_TESTS_MODEL_MODELS_H_
#define PARLEY_TESTS_MODEL_MODELS_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "parley/model/model.h"

namespace parley::model_test {

inline Tensor Floats(const std::vector<float>& values, Shape shape) {
  return Tensor::CopyOf<float>(std::span<const float>(values), std::move(shape)).value();
}
inline Tensor Floats(const std::vector<float>& values) {
  return Floats(values, {static_cast<std::int64_t>(values.size())});
}
inline std::vector<float> ValuesOf(const Tensor& tensor) {
  const std::span<const float> values = tensor.Values<float>().value();
  return {values.begin(), values.end()};
}

inline Tensor Doubled(const Tensor& tensor) {
  const std::span<const float> from = tensor.Values<float>().value();
  return Tensor::Make<float>({tensor.shape().begin(), tensor.shape().end()},
                             [&](std::span<float> to) {
                               for (std::size_t i = 0; i < to.size(); ++i) to[i] = 2 * from[i];
                             })
      .value();
}

// "x", any number of FP32, to "y", twice as much. With a batch size: rows of `width`.
inline ModelSpec DoubleSpec(std::string name, std::int64_t version = 1,
                            std::size_t max_batch_size = 0) {
  return {.name = std::move(name),
          .version = version,
          .inputs = {{"x", DataType::kFp32, {-1}}},
          .outputs = {{"y", DataType::kFp32, {-1}}},
          .max_batch_size = max_batch_size};
}

inline Model DoubleModel(std::string name, std::int64_t version = 1) {
  return {.spec = DoubleSpec(std::move(name), version),
          .handler = [](const InferRequest& request,
                        const InferTerms&) -> absl::StatusOr<InferResponse> {
            return InferResponse{.outputs = {{"y", Doubled(*request.FindInput("x"))}}};
          }};
}

inline InferRequest DoubleRequest(std::string name, Tensor x) {
  return {.model_name = std::move(name), .inputs = {{"x", std::move(x)}}};
}

}  // namespace parley::model_test

#endif  // PARLEY_TESTS_MODEL_MODELS_H_
