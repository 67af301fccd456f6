#include "src/exchange/outgoing_call.h"

#include "absl/strings/str_cat.h"

namespace parley::detail {
namespace {

const Metadata& NoMetadata() {
  static const Metadata none;
  return none;
}

}  // namespace

void OutgoingCall::Open(Opening&& opening) {
  const bool with_request = opening.request.has_value();
  const bool one_response =
      opening.kind == MethodKind::kUnary || opening.kind == MethodKind::kClientStreaming;
  const bool caller_waits = opening.caller_waits;
  if (!follows_parent()) {
    FirstStep([&](Machine& machine) { return machine.Open(with_request, one_response); },
              [&] { StartOpen(std::move(opening)); });
  } else {
    bool ended = false;  // by its parent
    Step(
        [&](Machine& machine) {
          ended = machine.final_status().has_value();
          return machine.Open(with_request, one_response);
        },
        [&] {
          if (!ended) StartOpen(std::move(opening));
        });
  }
  if (!caller_waits) runtime_->loop.Strayed();
}

void OutgoingCall::FollowParent(std::stop_token parent) {
  auto cancel = [weak = weak_from_this()] {
    if (const std::shared_ptr<Call> call = weak.lock()) {
      call->Cancel(absl::CancelledError("the call on whose behalf this one was made has ended"));
    }
  };
  parent_ = std::make_unique<std::stop_callback<std::function<void()>>>(std::move(parent),
                                                                        std::move(cancel));
}

void OutgoingCall::WritesDone() {
  Step([](Machine& machine) { return machine.CloseSending(); });
}

absl::Status OutgoingCall::FinalStatus() {
  return Ask([&](const Machine& machine) -> absl::Status {
    if (!machine.final_status()) return absl::UnknownError("the call has not ended");
    status_seen_ = true;
    return *machine.final_status();
  });
}

absl::StatusOr<Payload> OutgoingCall::TakeResponse() {
  std::unique_lock lock(mutex_);
  const std::optional<absl::Status>& status = final_status();
  if (!status) return absl::UnknownError("the call has not ended");
  status_seen_ = true;
  if (!status->ok()) return *status;
  if (std::optional<Payload> response = TakeOnly()) {
    response_taken_ = true;
    return *std::move(response);
  }
  if (response_taken_) return absl::FailedPreconditionError("the response was taken before");
  return absl::InternalError("the server said OK without a response");
}

absl::Status OutgoingCall::ReadStatus() {
  return Ask([&](const Machine& machine) {
    status_seen_ = status_seen_ || machine.final_status().has_value();
    return machine.ReadStatus();
  });
}

void OutgoingCall::Reject(absl::Status status) {
  Step([&](Machine& machine) { return machine.Reject(std::move(status), status_seen_); });
}

void OutgoingCall::Drop() {
  const absl::Status unseen = Ask([&](const Machine& machine) {
    // With messages left to read, the stream was left early, and how it ended is of no interest.
    const bool ended = machine.final_status().has_value() && !machine.HasMessage();
    return ended && !status_seen_ ? *machine.final_status() : absl::OkStatus();
  });
  if (!unseen.ok()) {
    runtime_->log(Severity::kWarning,
                  absl::StrCat("a call of ", std::string(method()),
                               " was dropped and nobody saw how it ended: ", unseen.ToString()));
  }
  Cancel(absl::CancelledError("the call was dropped"));
}

const Metadata& OutgoingCall::InitialMetadata() {
  std::unique_lock lock(mutex_);
  return headers_read_ ? ReceivedInitial() : NoMetadata();
}

const Metadata& OutgoingCall::TrailingMetadata() {
  std::unique_lock lock(mutex_);
  return status_read_ ? ReceivedTrailing() : NoMetadata();
}

const Metadata& OutgoingCall::RequestMetadata() { return NoMetadata(); }

void OutgoingCall::HeadersRead() {
  Step([&](Machine& machine) {
    headers_read_ = true;
    return machine.HeadersRead();
  });
}

void OutgoingCall::MessageRead(Payload&& message) {
  if (absl::Status status = CheckSize(message); !status.ok()) return Refuse(std::move(status));
  Step([&](Machine& machine) {
    headers_read_ = true;
    return machine.MessageRead(std::move(message));
  });
}

void OutgoingCall::MessagesRead(absl::Span<Payload> messages) {
  Step([&](Machine& machine) { return machine.MessagesRead(messages); });
}

void OutgoingCall::Refuse(absl::Status status) {
  Step([&](Machine& machine) { return machine.Expire(std::move(status)); });
}

void OutgoingCall::ReadEnded() {
  Step([](Machine& machine) { return machine.ReadEnded(); });
}

void OutgoingCall::WriteDone(bool ok) {
  Step([&](Machine& machine) { return machine.WriteDone(ok); });
}

void OutgoingCall::StatusRead(absl::Status status) {
  Step([&](Machine& machine) {
    headers_read_ = status_read_ = true;
    return machine.StatusRead(std::move(status));
  });
}

void OutgoingCall::Completed(std::optional<Payload>&& response, absl::Status status) {
  if (absl::Status fits = response ? CheckSize(*response) : absl::OkStatus(); !fits.ok()) {
    status = std::move(fits);
  }
  Step([&](Machine& machine) {
    headers_read_ = status_read_ = true;
    return machine.Completed(std::move(response), std::move(status));
  });
}

}  // namespace parley::detail
