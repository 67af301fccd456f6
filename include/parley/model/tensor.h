// Tensors: what models take and give. A typed, shaped array whose memory is shared, sent and received
// without being copied.
#ifndef PARLEY_MODEL_TENSOR_H_
#define PARLEY_MODEL_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "parley/buffer.h"
#include "parley/codec.h"
#include "parley/detail/block.h"
#include "parley/detail/export.h"
#include "parley/model/data_type.h"

namespace parley {

// The extent of each dimension, outermost first; {} is a single element.
using Shape = std::vector<std::int64_t>;

// "[2,-1,3]".
PARLEY_EXPORT std::string ShapeText(absl::Span<const std::int64_t> shape);

// How many elements a tensor of this shape has.
// Errors:   INVALID_ARGUMENT for a negative dimension, more than Tensor::kMostDimensions of them, or a
//           product that is no std::int64_t.
PARLEY_EXPORT absl::StatusOr<std::size_t> ElementCount(absl::Span<const std::int64_t> shape);

// An array of elements of one type, row-major and without gaps, as the Open Inference Protocol puts it
// on the wire: numbers little-endian, a BYTES element as its length in 4 bytes and then its bytes.
//
// Example:  auto image = Tensor::Make<float>({1, 224, 224, 3}, [&](std::span<float> pixels) {
//             std::ranges::copy(decoded, pixels.begin());
//           });
//           if (!image.ok()) return image.status();
//           absl::StatusOr<std::span<const float>> pixels = image->Values<float>();
// Threads:  safe: a tensor that has been made does not change.
// Lifetime: copies share the memory, which is freed with the last of them, on any thread. A view is
//           valid as long as the tensor it is of, or a copy.
// Shapes:   memory that Make and CopyOf allocate is aligned to 64 bytes; that of others to an element.
class PARLEY_EXPORT Tensor {
 public:
  static constexpr std::size_t kMostDimensions = 32;

  // No tensor: its type is kInvalid, and it has no bytes.
  Tensor() = default;

  // A new tensor. `fill` writes its elements, which are zeros before, to the std::span<T> that it is
  // called with. A bool is a byte.
  // Errors:   as ElementCount's.
  template <Element T, class Fill>
  static absl::StatusOr<Tensor> Make(Shape shape, Fill&& fill) {
    absl::StatusOr<Tensor> tensor = Zeros(kDataTypeOf<T>, std::move(shape));
    if (tensor.ok()) {
      auto* const values = reinterpret_cast<T*>(tensor->block_.mutable_data());
      std::forward<Fill>(fill)(std::span<T>(values, tensor->element_count_));
    }
    return tensor;
  }

  // Errors:   INVALID_ARGUMENT if there are not as many values as the shape says, naming both numbers.
  template <Element T>
  static absl::StatusOr<Tensor> CopyOf(std::span<const T> values, Shape shape) {
    return CopyOf(kDataTypeOf<T>, std::move(shape),
                  {reinterpret_cast<const char*>(values.data()), values.size_bytes()});
  }
  // A BYTES tensor.
  // Errors:   the same; RESOURCE_EXHAUSTED for an element of 4 GiB or more.
  static absl::StatusOr<Tensor> OfBytes(absl::Span<const std::string_view> elements, Shape shape);

  // The application's memory, laid out as said above, without a copy; it must not change any more.
  // `release`, if there is one, is called when no tensor and no message needs it, on any thread; in case
  // of an error, at once.
  // Errors:   INVALID_ARGUMENT if the bytes are not what type and shape say, naming both numbers, or
  //           are not aligned to an element; if a BOOL is neither 0 nor 1.
  static absl::StatusOr<Tensor> Wrap(DataType type, Shape shape, std::string_view bytes,
                                     std::function<void()> release);
  // The same of received bytes. They are shared if they are one piece, aligned, and so large that it is
  // worth keeping what it was received in, 4 KiB; else they are copied, once.
  static absl::StatusOr<Tensor> FromBuffer(DataType type, Shape shape, const Buffer& bytes);

  DataType type() const { return type_; }
  absl::Span<const std::int64_t> shape() const { return shape_; }
  std::size_t element_count() const { return element_count_; }
  std::string_view bytes() const { return block_.view(); }

  // The elements.
  // Errors:   INVALID_ARGUMENT if they are of another type, naming both.
  template <Element T>
  absl::StatusOr<std::span<const T>> Values() const {
    if (absl::Status status = CheckType(kDataTypeOf<T>); !status.ok()) return status;
    return std::span<const T>(reinterpret_cast<const T*>(block_.data()), element_count_);
  }
  // The elements of a BYTES tensor.
  absl::StatusOr<std::vector<std::string_view>> BytesValues() const;

  // The same elements in another shape.
  // Errors:   INVALID_ARGUMENT if it has not as many.
  absl::StatusOr<Tensor> Reshaped(Shape shape) const;

  // The rows, which the first dimension counts, of all parts, one after the other. They are copied, once,
  // unless there is one part.
  // Errors:   INVALID_ARGUMENT if there is none, or if they differ in type or another dimension.
  static absl::StatusOr<Tensor> JoinRows(absl::Span<const Tensor* const> parts);
  // The rows in parts of so many each, which share the memory.
  // Errors:   INVALID_ARGUMENT if there are not as many, naming both numbers.
  absl::StatusOr<std::vector<Tensor>> SplitRows(absl::Span<const std::size_t> counts) const;

  // Appends the elements to `out` by reference.
  void AppendTo(Buffer& out) const;

 private:
  Tensor(DataType type, Shape shape, std::size_t element_count, detail::Block block)
      : type_(type),
        shape_(std::move(shape)),
        element_count_(element_count),
        block_(std::move(block)) {}

  static absl::StatusOr<Tensor> Zeros(DataType type, Shape shape);
  static absl::StatusOr<Tensor> CopyOf(DataType type, Shape shape, std::string_view bytes);
  absl::Status CheckType(DataType type) const;

  DataType type_ = DataType::kInvalid;
  Shape shape_;
  std::size_t element_count_ = 0;
  detail::Block block_;  // never inline, since views must survive a move
};

// As parley.v1.Tensor, proto/parley/v1/tensor.proto. Sent without a copy.
template <>
struct PARLEY_EXPORT Codec<Tensor> {
  static absl::Status Encode(const Tensor& value, Buffer& out);
  static absl::Status Decode(const Buffer& in, Tensor& out);
  static std::size_t SizeBytes(const Tensor& value);
};

}  // namespace parley

#endif  // PARLEY_MODEL_TENSOR_H_
