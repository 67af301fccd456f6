// How a batch's tensors are made of those of its requests, and its outputs divided among them.
#include <utility>

#include "absl/strings/str_cat.h"
#include "parley/model/model.h"

namespace parley {

InferBatch::InferBatch(absl::Span<const InferRequest> requests, absl::Span<const std::size_t> items)
    : requests_(requests), items_of_each_(items) {
  for (const std::size_t of_one : items) items_ += of_one;
}

absl::StatusOr<Tensor> InferBatch::Gather(std::string_view input) const {
  std::vector<const Tensor*> parts;
  parts.reserve(requests_.size());
  for (const InferRequest& request : requests_) {
    parts.push_back(request.FindInput(input));
    if (parts.back() == nullptr) return detail::NoTensor("input", input);
  }
  // A model without batches has no rows either.
  if (parts.size() == 1) return *parts[0];
  return Tensor::JoinRows(parts);
}

std::vector<absl::StatusOr<InferResponse>> InferBatch::Split(
    absl::StatusOr<std::vector<NamedTensor>> outputs) const {
  if (!outputs.ok()) return {requests_.size(), outputs.status()};
  std::vector<InferResponse> responses(requests_.size());
  for (NamedTensor& output : *outputs) {
    if (responses.size() == 1) {
      responses[0].outputs.push_back(std::move(output));
      continue;
    }
    absl::StatusOr<std::vector<Tensor>> parts = output.tensor.SplitRows(items_of_each_);
    if (!parts.ok()) {
      return {requests_.size(),
              absl::InternalError(absl::StrCat("output \"", output.name,
                                               "\" of the batch: ", parts.status().message()))};
    }
    for (std::size_t i = 0; i < parts->size(); ++i) {
      responses[i].outputs.push_back({output.name, std::move((*parts)[i]), output.parameters});
    }
  }
  return {std::make_move_iterator(responses.begin()), std::make_move_iterator(responses.end())};
}

std::vector<absl::StatusOr<InferResponse>> InferBatch::Split(std::string output,
                                                             absl::StatusOr<Tensor> rows) const {
  if (!rows.ok()) return Split(rows.status());
  return Split(std::vector<NamedTensor>{{std::move(output), *std::move(rows)}});
}

}  // namespace parley
