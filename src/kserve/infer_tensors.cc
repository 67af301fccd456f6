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

// What is in shared memory has no contents, so it is looked for before these are counted.
absl::Status CheckMemory(const InferLayout& layout, const InferFields& fields) {
  for (const TensorFields& tensor : fields.tensors) {
    if (tensor.parameters.count("shared_memory_region") > 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(NameOf(layout, tensor), ": shared memory is not served"));
    }
  }
  return absl::OkStatus();
}

absl::Status IsBoth(const InferLayout& layout, const TensorFields& tensor) {
  return absl::InvalidArgumentError(absl::StrCat(
      NameOf(layout, tensor), " has contents, and the message has raw ones beside them"));
}

absl::Status WrongRawCount(const InferLayout& layout, const InferFields& fields) {
  return absl::InvalidArgumentError(absl::StrCat(fields.raw.size(), " raw contents for ",
                                                 fields.tensors.size(), " ",
                                                 std::string(layout.tensor), "s"));
}

bool IsTyped(const TensorFields& tensor) { return tensor.contents.size_bytes() > 0; }

// Finds the raw contents of each tensor: null where it has none.
absl::Status FindRaw(const InferLayout& layout, const InferFields& fields,
                     std::vector<const Buffer*>& raw) {
  raw.assign(fields.tensors.size(), nullptr);
  if (fields.raw.empty()) return absl::OkStatus();
  std::size_t typed = 0;
  for (const TensorFields& tensor : fields.tensors) {
    if (tensor.has_contents && !layout.mixes) return IsBoth(layout, tensor);
    if (IsTyped(tensor)) ++typed;
  }
  // Servers that mix the two either leave a typed tensor's raw contents empty or leave them out.
  const bool has_all = fields.raw.size() == fields.tensors.size();
  if (!has_all && fields.raw.size() != fields.tensors.size() - typed) {
    return WrongRawCount(layout, fields);
  }
  auto next = fields.raw.begin();
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const TensorFields& tensor = fields.tensors[i];
    if (IsTyped(tensor) && !has_all) continue;
    const Buffer& contents = *next++;
    if (!IsTyped(tensor)) {
      raw[i] = &contents;
    } else if (contents.size_bytes() > 0) {
      return IsBoth(layout, tensor);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Tensor> MakeTensor(TensorFields& fields, const Buffer* raw) {
  const DataType type = DataTypeNamed(fields.type);
  if (type == DataType::kInvalid) {
    return absl::InvalidArgumentError(absl::StrCat("its datatype is ", Shown(fields.type)));
  }
  if (raw != nullptr) return Tensor::FromBuffer(type, std::move(fields.shape), *raw);
  if (IsTyped(fields)) return ReadTypedContents(type, fields.shape, fields.contents);
  const absl::StatusOr<std::size_t> elements = ElementCount(fields.shape);
  if (!elements.ok()) return elements.status();
  if (*elements == 0) return Tensor::FromBuffer(type, std::move(fields.shape), Buffer());
  return absl::InvalidArgumentError(absl::StrCat(
      "no contents where shape ", ShapeText(fields.shape), " needs ", *elements, " elements"));
}

}  // namespace

absl::Status MakeTensors(const InferLayout& layout, InferFields& fields,
                         std::vector<NamedTensor>& tensors) {
  if (absl::Status status = CheckMemory(layout, fields); !status.ok()) return status;
  std::vector<const Buffer*> raw;
  if (absl::Status status = FindRaw(layout, fields, raw); !status.ok()) return status;
  std::set<std::string_view> names;
  tensors.reserve(fields.tensors.size());
  for (std::size_t i = 0; i < fields.tensors.size(); ++i) {
    TensorFields& tensor = fields.tensors[i];
    if (fields.tensors.size() > 1 && !names.insert(tensor.name).second) {
      return absl::InvalidArgumentError(absl::StrCat("there are two of ", NameOf(layout, tensor)));
    }
    absl::StatusOr<Tensor> made = MakeTensor(tensor, raw[i]);
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
