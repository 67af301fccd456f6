#include "parley/kserve/infer_stream.h"

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace parley::kserve {
namespace {

// Of a model of many responses, the end without a further one.
bool IsEmptyEnd(const InferResponse& response) {
  if (!response.outputs.empty()) return false;
  const auto found = response.parameters.find("triton_final_response");
  if (found == response.parameters.end()) return false;
  const bool* const is_final = std::get_if<bool>(&found->second);
  return is_final != nullptr && *is_final;
}

}  // namespace

InferStream::InferStream(Stream stream, const InferRequest& request) : Stream(std::move(stream)) {
  // There is always room for the first.
  const absl::StatusOr<bool> written = TryWrite(request);
  if (written.ok()) {
    WritesDone();
  } else {
    call_->Cancel(written.status());  // if the call is over already, it keeps its own status
  }
}

std::optional<InferResponse> InferStream::Next() {
  return TakeNext(*call_, nullptr, !call_->Block(detail::Slot::kRead));
}

Pending<std::optional<InferResponse>> InferStream::AsyncNext() {
  return {call_, detail::Slot::kRead, &TakeNext};
}

// All that there is to know is in the call, which a pending read holds when the stream is dropped.
std::optional<InferResponse> InferStream::TakeNext(detail::Exchange& call, void*, bool busy) {
  if (busy) {
    call.Cancel(absl::FailedPreconditionError("two readers of one call at the same time"));
    return std::nullopt;
  }
  std::optional<detail::Payload> payload = call.Take();
  if (!payload.has_value()) return std::nullopt;
  absl::StatusOr<StreamResponse> message = detail::TakeMessage<StreamResponse>(*std::move(payload));
  if (!message.ok()) {
    call.Reject(
        absl::InternalError(absl::StrCat("malformed message: ", message.status().message())));
    return std::nullopt;
  }
  if (!message->error_message.empty()) {
    call.Reject(absl::UnknownError(message->error_message));
    return std::nullopt;
  }
  if (IsEmptyEnd(message->response)) {
    // There was one request, so nothing follows, whether the server closes its side or not.
    call.Cancel(absl::OkStatus());
    return std::nullopt;
  }
  return std::move(message->response);
}

}  // namespace parley::kserve
