#include "src/model/request_check.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "src/utf8.h"

namespace parley::detail {
namespace {

constexpr std::size_t kLongestName = 128;

// Debian's Abseil has a string_view of its own.
std::string Name(DataType type) { return std::string(DataTypeName(type)); }

// A name that somebody else made up.
std::string Quoted(const std::string& name) {
  return absl::StrCat("\"", absl::CEscape(name.substr(0, kLongestName)), "\"");
}

const TensorSpec* FindSpec(const std::vector<TensorSpec>& specs, const std::string& name) {
  const auto found = std::find_if(specs.begin(), specs.end(),
                                  [&](const TensorSpec& spec) { return spec.name == name; });
  return found == specs.end() ? nullptr : &*found;
}

// The shape of a whole tensor, items first, "-1" standing for any extent.
Shape WholeShape(const ModelSpec& model, const TensorSpec& spec) {
  Shape shape = spec.shape;
  if (model.max_batch_size > 0) shape.insert(shape.begin(), -1);
  return shape;
}

bool Fits(absl::Span<const std::int64_t> shape, absl::Span<const std::int64_t> spec) {
  return std::equal(
      shape.begin(), shape.end(), spec.begin(), spec.end(),
      [](std::int64_t extent, std::int64_t said) { return said == -1 || extent == said; });
}

// Compares type and shape; "is ..." says what is wrong.
std::optional<std::string> WhatDiffers(const ModelSpec& model, const TensorSpec& spec,
                                       const Tensor& tensor) {
  if (tensor.type() != spec.type) {
    return absl::StrCat("is of type ", Name(tensor.type()), "; model ", model.name, " has ",
                        Name(spec.type));
  }
  const absl::Span<const std::int64_t> shape = tensor.shape();
  const bool batched = model.max_batch_size > 0;
  if (batched ? !shape.empty() && Fits(shape.subspan(1), spec.shape) : Fits(shape, spec.shape)) {
    return std::nullopt;
  }
  return absl::StrCat("is of shape ", ShapeText(shape), "; model ", model.name, " has ",
                      ShapeText(WholeShape(model, spec)));
}

absl::Status CheckTensorSpecs(std::string_view kind, const std::vector<TensorSpec>& specs) {
  for (const TensorSpec& spec : specs) {
    const std::string name = absl::StrCat(std::string(kind), " ", Quoted(spec.name));
    if (spec.name.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("an ", std::string(kind), " has no name"));
    }
    if (!IsUtf8(spec.name)) {
      return absl::InvalidArgumentError(absl::StrCat(name, " is called what is not UTF-8"));
    }
    if (FindSpec(specs, spec.name) != &spec) {
      return absl::InvalidArgumentError(absl::StrCat("there are two of ", name));
    }
    if (spec.type == DataType::kInvalid) {
      return absl::InvalidArgumentError(absl::StrCat(name, " has no type"));
    }
    if (spec.shape.size() >= Tensor::kMostDimensions) {
      return absl::InvalidArgumentError(absl::StrCat(name, " has ", spec.shape.size(),
                                                     " dimensions; there are at most ",
                                                     Tensor::kMostDimensions - 1));
    }
    for (const std::int64_t extent : spec.shape) {
      if (extent < -1) {
        return absl::InvalidArgumentError(
            absl::StrCat(name, " has the shape ", ShapeText(spec.shape)));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRequestedOutputs(const ModelSpec& spec, const InferRequest& request) {
  if (request.outputs.size() > spec.outputs.size()) {
    return absl::InvalidArgumentError(absl::StrCat(request.outputs.size(),
                                                   " outputs are asked for; model ", spec.name,
                                                   " has ", spec.outputs.size()));
  }
  for (auto output = request.outputs.begin(); output != request.outputs.end(); ++output) {
    if (FindSpec(spec.outputs, output->name) == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("model ", spec.name, " has no output ", Quoted(output->name)));
    }
    if (std::any_of(request.outputs.begin(), output,
                    [&](const RequestedOutput& other) { return other.name == output->name; })) {
      return absl::InvalidArgumentError(
          absl::StrCat("output ", Quoted(output->name), " is asked for twice"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckSpec(const ModelSpec& spec) {
  const auto is_allowed = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-';
  };
  if (spec.name.empty() || spec.name.size() > kLongestName ||
      !std::all_of(spec.name.begin(), spec.name.end(), is_allowed)) {
    return absl::InvalidArgumentError(absl::StrCat("a model can't be called ", Quoted(spec.name),
                                                   "; a name is 1 to ", kLongestName,
                                                   " of A-Z, a-z, 0-9, '_', '.' and '-'"));
  }
  absl::Status status = absl::OkStatus();
  if (spec.version < 0) {
    status = absl::InvalidArgumentError(absl::StrCat("version ", spec.version, " is negative"));
  }
  if (status.ok()) status = CheckTensorSpecs("input", spec.inputs);
  if (status.ok()) status = CheckTensorSpecs("output", spec.outputs);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat("model ", spec.name, ": ", status.message()));
}

absl::StatusOr<std::size_t> CheckRequest(const ModelSpec& spec, const InferRequest& request) {
  if (request.inputs.size() > spec.inputs.size()) {
    return absl::InvalidArgumentError(absl::StrCat(request.inputs.size(), " inputs; model ",
                                                   spec.name, " has ", spec.inputs.size()));
  }
  const bool batched = spec.max_batch_size > 0;
  std::optional<std::int64_t> items;
  for (const NamedTensor& input : request.inputs) {
    const std::string name = absl::StrCat("input ", Quoted(input.name));
    const TensorSpec* const expected = FindSpec(spec.inputs, input.name);
    if (expected == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("model ", spec.name, " has no ", name));
    }
    if (request.FindInput(input.name) != &input.tensor) {
      return absl::InvalidArgumentError(absl::StrCat(name, " is given twice"));
    }
    if (const auto differs = WhatDiffers(spec, *expected, input.tensor)) {
      return absl::InvalidArgumentError(absl::StrCat(name, " ", *differs));
    }
    if (!batched) continue;
    const std::int64_t rows = input.tensor.shape()[0];
    if (rows < 1 || static_cast<std::uint64_t>(rows) > spec.max_batch_size) {
      return absl::InvalidArgumentError(absl::StrCat(name, " has ", rows, " items; model ",
                                                     spec.name, " takes from 1 to ",
                                                     spec.max_batch_size));
    }
    if (items.value_or(rows) != rows) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, " has ", rows, " items where the inputs before have ", *items));
    }
    items = rows;
  }
  for (const TensorSpec& expected : spec.inputs) {
    if (!expected.optional && request.FindInput(expected.name) == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("input ", Quoted(expected.name), " of model ", spec.name, " is missing"));
    }
  }
  if (absl::Status status = CheckRequestedOutputs(spec, request); !status.ok()) return status;
  return static_cast<std::size_t>(items.value_or(1));
}

std::string BatchKind(const ModelSpec& spec, const InferRequest& request) {
  std::string kind;
  // Lengths in front keep one field from being taken for two.
  const auto add = [&](absl::string_view text) { absl::StrAppend(&kind, text.size(), ":", text); };
  for (const TensorSpec& expected : spec.inputs) {
    const Tensor* const tensor = request.FindInput(expected.name);
    add(tensor == nullptr ? "" : ShapeText(tensor->shape().subspan(1)));
  }
  for (const auto& [key, parameter] : request.parameters) {
    add(key);
    absl::StrAppend(&kind, parameter.index(), ",");
    if (const auto* text = std::get_if<std::string>(&parameter)) add(*text);
    if (const auto* truth = std::get_if<bool>(&parameter)) add(*truth ? "1" : "0");
    if (const auto* number = std::get_if<std::int64_t>(&parameter)) add(absl::StrCat(*number));
    if (const auto* number = std::get_if<std::uint64_t>(&parameter)) add(absl::StrCat(*number));
    if (const auto* number = std::get_if<double>(&parameter)) {
      add({reinterpret_cast<const char*>(number), sizeof *number});
    }
  }
  return kind;
}

absl::Status CompleteResponse(const ModelSpec& spec, const InferRequest& request, std::size_t items,
                              bool one_of_many, InferResponse& response) {
  for (const NamedTensor& output : response.outputs) {
    const std::string name = absl::StrCat("the model's output ", Quoted(output.name));
    const TensorSpec* const expected = FindSpec(spec.outputs, output.name);
    if (expected == nullptr) {
      return absl::InternalError(absl::StrCat(name, " is not in its spec"));
    }
    if (response.FindOutput(output.name) != &output.tensor) {
      return absl::InternalError(absl::StrCat(name, " is given twice"));
    }
    if (const auto differs = WhatDiffers(spec, *expected, output.tensor)) {
      return absl::InternalError(absl::StrCat(name, " ", *differs));
    }
    if (spec.max_batch_size > 0 && !one_of_many &&
        output.tensor.shape()[0] != static_cast<std::int64_t>(items)) {
      return absl::InternalError(absl::StrCat(name, " has ", output.tensor.shape()[0],
                                              " items where the request has ", items));
    }
  }
  const auto is_missing = [&](const std::string& name) {
    return !one_of_many && response.FindOutput(name) == nullptr;
  };
  std::vector<NamedTensor> outputs;
  for (const RequestedOutput& output : request.outputs) {
    if (is_missing(output.name)) {
      return absl::InternalError(absl::StrCat("the model gave no output ", Quoted(output.name)));
    }
    for (NamedTensor& given : response.outputs) {
      if (given.name == output.name) outputs.push_back(std::move(given));
    }
  }
  if (request.outputs.empty()) {
    for (const TensorSpec& expected : spec.outputs) {
      if (!expected.optional && is_missing(expected.name)) {
        return absl::InternalError(
            absl::StrCat("the model gave no output ", Quoted(expected.name)));
      }
    }
  } else {
    response.outputs = std::move(outputs);
  }
  response.model_name = spec.name;
  response.model_version = absl::StrCat(spec.version);
  response.id = request.id;
  return absl::OkStatus();
}

}  // namespace parley::detail
