// Reads the messages of an inference.
#include <utility>

#include "parley/kserve/protocol.h"
#include "src/kserve/infer_fields.h"
#include "src/kserve/received_request.h"

namespace parley {
namespace {

// What requests and responses have in common; `fields` as far as they could be read.
template <class Message>
absl::Status Take(const Buffer& in, const kserve::InferLayout& layout, kserve::InferFields& fields,
                  std::vector<NamedTensor>& tensors, Message& out) {
  absl::Status status = kserve::ReadInferFields(in, layout, fields);
  out.model_name = std::move(fields.model_name);
  out.model_version = std::move(fields.model_version);
  out.id = std::move(fields.id);
  out.parameters = std::move(fields.parameters);
  return status.ok() ? kserve::MakeTensors(layout, fields, tensors) : status;
}

}  // namespace

absl::Status Codec<InferRequest>::Decode(const Buffer& in, InferRequest& out) {
  kserve::InferFields fields;
  absl::Status status = Take(in, kserve::kRequestLayout, fields, out.inputs, out);
  out.outputs = std::move(fields.requested);
  return status;
}

absl::Status Codec<InferResponse>::Decode(const Buffer& in, InferResponse& out) {
  kserve::InferFields fields;
  return Take(in, kserve::kResponseLayout, fields, out.outputs, out);
}

absl::Status Codec<kserve::StreamResponse>::Decode(const Buffer& in, kserve::StreamResponse& out) {
  Buffer response;
  absl::Status status = kserve::ReadStreamFields(in, out.error_message, response);
  return status.ok() ? Codec<InferResponse>::Decode(response, out.response) : status;
}

absl::Status Codec<kserve::ReceivedRequest>::Decode(const Buffer& in,
                                                    kserve::ReceivedRequest& out) {
  out.fault = Codec<InferRequest>::Decode(in, out.request);
  // An answer says which request it is of, even if that is known only after what is wrong.
  if (!out.fault.ok()) kserve::ReadNames(in, out.request);
  return absl::OkStatus();
}

absl::Status Codec<kserve::ReceivedRequest>::Encode(const kserve::ReceivedRequest&, Buffer&) {
  return absl::InternalError("a request that was received is not sent");
}

std::size_t Codec<kserve::ReceivedRequest>::SizeBytes(const kserve::ReceivedRequest& value) {
  return Codec<InferRequest>::SizeBytes(value.request);
}

}  // namespace parley
