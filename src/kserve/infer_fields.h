// The fields of a ModelInferRequest or ModelInferResponse as they are read, before it is known whether
// they make sense together. Nothing is copied of the tensors' contents.
#ifndef PARLEY_SRC_KSERVE_INFER_FIELDS_H_
#define PARLEY_SRC_KSERVE_INFER_FIELDS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "parley/buffer.h"
#include "parley/model/inference.h"
#include "src/kserve/infer_layout.h"

namespace parley::kserve {

struct TensorFields {
  std::string name;
  std::string type;
  Shape shape;
  Parameters parameters;
  bool has_contents = false;
  Buffer contents;  // an encoded InferTensorContents
};

struct InferFields {
  std::string model_name;
  std::string model_version;
  std::string id;
  Parameters parameters;
  std::vector<TensorFields> tensors;
  std::vector<RequestedOutput> requested;
  std::vector<Buffer> raw;
};

// Errors:   INVALID_ARGUMENT; what was read until then is in `fields` all the same.
absl::Status ReadInferFields(const Buffer& in, const InferLayout& layout, InferFields& fields);

// The model's name and version and the request's id, as far as they can be read, whatever is wrong with
// the rest.
void ReadNames(const Buffer& in, InferRequest& request);

// Makes the tensors of these fields, which are used up.
// Errors:   INVALID_ARGUMENT, naming the tensor and both numbers.
absl::Status MakeTensors(const InferLayout& layout, InferFields& fields,
                         std::vector<NamedTensor>& tensors);

// A tensor of typed contents. Nothing is allocated for it before it is known that it can be made.
// Errors:   INVALID_ARGUMENT.
absl::StatusOr<Tensor> ReadTypedContents(DataType type, const Shape& shape, const Buffer& contents);

// The parts of ModelStreamInferResponse.
absl::Status ReadStreamFields(const Buffer& in, std::string& error_message, Buffer& response);

// A text that somebody else made up, to be shown: its beginning, in printable ASCII.
std::string Shown(const std::string& text);

}  // namespace parley::kserve

#endif  // PARLEY_SRC_KSERVE_INFER_FIELDS_H_
