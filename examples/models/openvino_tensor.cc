#include "openvino_tensor.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace {

using parley::DataType;

struct TypePair {
  DataType parley;
  ov::element::Type_t openvino;
};

constexpr TypePair kTypes[] = {
    {DataType::kBool, ov::element::boolean}, {DataType::kUint8, ov::element::u8},
    {DataType::kUint16, ov::element::u16},   {DataType::kUint32, ov::element::u32},
    {DataType::kUint64, ov::element::u64},   {DataType::kInt8, ov::element::i8},
    {DataType::kInt16, ov::element::i16},    {DataType::kInt32, ov::element::i32},
    {DataType::kInt64, ov::element::i64},    {DataType::kFp16, ov::element::f16},
    {DataType::kFp32, ov::element::f32},     {DataType::kFp64, ov::element::f64},
    {DataType::kBf16, ov::element::bf16},
};

DataType TypeOf(const ov::element::Type& type) {
  const auto* const pair =
      std::ranges::find(kTypes, ov::element::Type_t{type}, &TypePair::openvino);
  return pair == std::end(kTypes) ? DataType::kInvalid : pair->parley;
}

absl::StatusOr<parley::TensorSpec> ItemSpec(const ov::Output<const ov::Node>& port) {
  parley::TensorSpec spec{.name = port.get_any_name(), .type = TypeOf(port.get_element_type())};
  const ov::PartialShape& shape = port.get_partial_shape();
  if (spec.type == DataType::kInvalid) {
    return absl::InvalidArgumentError(absl::StrCat("'", spec.name, "' has elements of type ",
                                                   port.get_element_type().get_type_name()));
  }
  if (shape.rank().is_dynamic() || shape.size() == 0 || shape[0].is_static()) {
    return absl::InvalidArgumentError(absl::StrCat("'", spec.name, "' has the shape ",
                                                   shape.to_string(),
                                                   ", whose first dimension is no batch's"));
  }
  for (const ov::Dimension& extent : shape) {
    spec.shape.push_back(extent.is_static() ? extent.get_length() : -1);
  }
  spec.shape.erase(spec.shape.begin());  // the batch's
  return spec;
}

}  // namespace

absl::StatusOr<std::vector<parley::TensorSpec>> ItemSpecs(
    const std::vector<ov::Output<const ov::Node>>& ports) {
  std::vector<parley::TensorSpec> specs;
  for (const ov::Output<const ov::Node>& port : ports) {
    absl::StatusOr<parley::TensorSpec> spec = ItemSpec(port);
    if (!spec.ok()) return spec.status();
    specs.push_back(*std::move(spec));
  }
  return specs;
}

ov::Tensor ViewOf(const parley::Tensor& tensor) {
  const auto* const pair = std::ranges::find(kTypes, tensor.type(), &TypePair::parley);
  const void* const elements = tensor.bytes().data();
  return {pair->openvino, ov::Shape(tensor.shape().begin(), tensor.shape().end()), elements};
}

absl::StatusOr<parley::Tensor> Share(const ov::Tensor& tensor) {
  const std::string_view bytes(static_cast<const char*>(tensor.data()), tensor.get_byte_size());
  const ov::Shape& shape = tensor.get_shape();
  return parley::Tensor::Wrap(TypeOf(tensor.get_element_type()), {shape.begin(), shape.end()},
                              bytes, [tensor] { /* held until here */ });
}
