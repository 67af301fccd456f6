// What a model is asked and what it answers, as the Open Inference Protocol has it: named tensors, and
// parameters beside them.
#ifndef PARLEY_MODEL_INFERENCE_H_
#define PARLEY_MODEL_INFERENCE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "parley/detail/export.h"
#include "parley/model/tensor.h"

namespace parley {

// The order is that of InferParameter in the protocol.
using Parameter = std::variant<bool, std::int64_t, std::string, double, std::uint64_t>;
using Parameters = std::map<std::string, Parameter, std::less<>>;

struct NamedTensor {
  std::string name;
  Tensor tensor = {};
  Parameters parameters = {};
};

namespace detail {
// Null if none is called that.
PARLEY_EXPORT const Tensor* FindTensor(const std::vector<NamedTensor>& tensors,
                                       std::string_view name);
PARLEY_EXPORT absl::Status NoTensor(std::string_view kind, std::string_view name);

template <Element T>
absl::StatusOr<std::span<const T>> ValuesOf(const std::vector<NamedTensor>& tensors,
                                            std::string_view kind, std::string_view name) {
  const Tensor* const tensor = FindTensor(tensors, name);
  if (tensor == nullptr) return NoTensor(kind, name);
  return tensor->Values<T>();
}
}  // namespace detail

// An output that is asked for.
struct RequestedOutput {
  std::string name;
  Parameters parameters = {};
};

// Example:  absl::StatusOr<std::span<const float>> pixels = request.Input<float>("image");
struct InferRequest {
  std::string model_name = "";
  std::string model_version = "";  // "": the model's default, its highest that is ready
  std::string id = "";             // the caller's; comes back with the answer
  Parameters parameters = {};
  std::vector<NamedTensor> inputs = {};
  std::vector<RequestedOutput> outputs = {};  // none: all that the model has

  // Null if there is none.
  const Tensor* FindInput(std::string_view name) const { return detail::FindTensor(inputs, name); }
  // The elements of an input; valid as long as the request.
  // Errors:   INVALID_ARGUMENT if there is none, or if it is of another type.
  template <Element T>
  absl::StatusOr<std::span<const T>> Input(std::string_view name) const {
    return detail::ValuesOf<T>(inputs, "input", name);
  }
};

struct InferResponse {
  std::string model_name = "";
  std::string model_version = "";
  std::string id = "";
  Parameters parameters = {};
  std::vector<NamedTensor> outputs = {};

  const Tensor* FindOutput(std::string_view name) const {
    return detail::FindTensor(outputs, name);
  }
  template <Element T>
  absl::StatusOr<std::span<const T>> Output(std::string_view name) const {
    return detail::ValuesOf<T>(outputs, "output", name);
  }
};

// Until when an answer is of use, and how urgent it is.
struct InferTerms {
  // What has not begun by then never runs.
  absl::Time deadline = absl::InfiniteFuture();
  // How long it may wait in the model's queue.
  absl::Duration queue_timeout = absl::InfiniteDuration();
  std::size_t priority = 0;  // from 1, the highest, to the model's priority_levels; 0: its default
  // What is stopped while it waits never runs; a handler may look at it while it runs.
  std::stop_token stop = {};
};

}  // namespace parley

#endif  // PARLEY_MODEL_INFERENCE_H_
