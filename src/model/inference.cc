#include "parley/model/inference.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "parley/model/model.h"

namespace parley {

const Tensor* detail::FindTensor(const std::vector<NamedTensor>& tensors, std::string_view name) {
  for (const NamedTensor& named : tensors) {
    if (named.name == name) return &named.tensor;
  }
  return nullptr;
}

absl::Status detail::NoTensor(std::string_view kind, std::string_view name) {
  return absl::InvalidArgumentError(
      absl::StrCat("there is no ", std::string(kind), " \"", std::string(name), "\""));
}

Inference::Inference(InferRequest request, InferTerms terms,
                     std::unique_ptr<detail::ResponseSink> sink)
    : request_(std::move(request)), terms_(std::move(terms)), sink_(std::move(sink)) {}

Inference& Inference::operator=(Inference&& other) noexcept {
  Inference old = std::move(*this);
  request_ = std::move(other.request_);
  terms_ = std::move(other.terms_);
  sink_ = std::move(other.sink_);
  return *this;
}

Inference::~Inference() {
  if (sink_ != nullptr) sink_->Finish(absl::InternalError("the model did not finish the request"));
}

absl::Status Inference::Write(InferResponse response) { return sink_->Write(std::move(response)); }

void Inference::Finish(absl::Status status) && {
  const std::unique_ptr<detail::ResponseSink> sink = std::move(sink_);
  sink->Finish(std::move(status));
}

}  // namespace parley
