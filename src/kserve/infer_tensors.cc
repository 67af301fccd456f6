// From the fields of a message to its tensors: which of its contents are whose, and whether they fit.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/kserve/infer_fields.h"

namespace parley::kserve {
namespace {

std::string NameOf(const InferLayout& layout, const TensorFields& fields) {
  return absl::StrCat(std::string(layout.tensor), " ", Shown(fields.name));
}

absl::Status CheckRaw(const InferLayout& layout, const InferFields& fields) {
  if (fields.raw.empty()) return absl::OkStatus();
  for (const TensorFields& tensor : fields.tensors) {
    if (tensor.has_contents) {
      return absl::InvalidArgumentError(absl::StrCat(
          NameOf(layout, tensor), " has contents, and the message has raw ones beside them"));
    }
  }
  if (fields.raw.size() == fields.tensors.size()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(fields.raw.size(), " raw contents for ",
                                                 fields.tensors.size(), " ",
                                                 std::string(layout.tensor), "s"));
}

absl::StatusOr<Tensor> MakeTensor(TensorFields& fields, const Buffer* raw) {
  const DataType type = DataTypeNamed(fields.type);
  if (type == DataType::kInvalid) {
    return absl::InvalidArgumentError(absl::StrCat("its datatype is ", Shown(fields.type)));
  }
  if (fields.parameters.count("shared_memory_region") > 0) {
    return absl::InvalidArgumentError("shared memory is not served");
  }
  if (raw != nullptr) return Tensor::FromBuffer(type, std::move(fields.shape), *raw);
  if (fields.has_contents) return ReadTypedContents(type, fields.shape, fields.contents);
  const absl::StatusOr<std::size_t> elements = ElementCount(fields.shape);
  if (!elements.ok()) return elements.status();
  if (*elements == 0) return Tensor::FromBuffer(type, std::move(fields.shape), Buffer());
  return absl::InvalidArgumentError(absl::StrCat(
      "no contents where shape ", ShapeText(fields.shape), " needs ", *elements, " elements"));
}

}  // namespace

absl::Status MakeTensors(const InferLayout& layout, InferFields& fields,
                         std::vector<NamedTensor>& tensors) {
  if (absl::Status status = CheckRaw(layout, fields); !status.ok()) return status;
  std::set<std::string_view> names;
  tensors.reserve(fields.tensors.size());
  for (std::size_t i = 0; i < fields.tensors.size(); ++i) {
    TensorFields& tensor = fields.tensors[i];
    if (fields.tensors.size() > 1 && !names.insert(tensor.name).second) {
      return absl::InvalidArgumentError(absl::StrCat("there are two of ", NameOf(layout, tensor)));
    }
    absl::StatusOr<Tensor> made = MakeTensor(tensor, fields.raw.empty() ? nullptr : &fields.raw[i]);
    if (!made.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(NameOf(layout, tensor), ": ", made.status().message()));
    }
    // The name stays where it is: others are compared with it.
    tensors.push_back({tensor.name, *std::move(made), std::move(tensor.parameters)});
  }
  return absl::OkStatus();
}

}  // namespace parley::kserve
