// Where the fields of ModelInferRequest and ModelInferResponse are, which are alike but for that.
#ifndef PARLEY_SRC_KSERVE_INFER_LAYOUT_H_
#define PARLEY_SRC_KSERVE_INFER_LAYOUT_H_

#include <cstddef>
#include <limits>
#include <string_view>

namespace parley::kserve {

struct InferLayout {
  std::string_view message;  // what it is called
  std::string_view tensor;   // what a tensor in it is called
  int tensors;
  int requested;  // 0: it has none
  int raw;
  bool mixes;  // whether some of its tensors may be raw and others typed
};

inline constexpr InferLayout kRequestLayout = {"ModelInferRequest", "input", 5, 6, 7, false};
// The protocol does not say what servers may not do.
inline constexpr InferLayout kResponseLayout = {"ModelInferResponse", "output", 5, 0, 6, true};

// In both messages.
inline constexpr int kModelName = 1;
inline constexpr int kModelVersion = 2;
inline constexpr int kId = 3;
inline constexpr int kParameters = 4;

// In a tensor.
inline constexpr int kTensorName = 1;
inline constexpr int kTensorType = 2;
inline constexpr int kTensorShape = 3;
inline constexpr int kTensorParameters = 4;
inline constexpr int kTensorContents = 5;

// In a requested output.
inline constexpr int kOutputName = 1;
inline constexpr int kOutputParameters = 2;

// In an entry of a map.
inline constexpr int kKey = 1;
inline constexpr int kValue = 2;

// In ModelStreamInferResponse.
inline constexpr int kErrorMessage = 1;
inline constexpr int kInferResponse = 2;

// Of a message, and of each of its parts: protobuf's own limit.
inline constexpr std::size_t kMostMessageBytes = std::numeric_limits<int>::max();

}  // namespace parley::kserve

#endif  // PARLEY_SRC_KSERVE_INFER_LAYOUT_H_
