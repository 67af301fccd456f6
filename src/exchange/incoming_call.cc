#include "src/exchange/incoming_call.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace parley::detail {
namespace {

// How long a status that the server wants to send may be stuck behind a message that the client
// does not read.
constexpr absl::Duration kStuck = absl::Milliseconds(500);

CallLimits LimitsOf(const ServerOptions& options) {
  return {{options.send_queue_bytes, options.receive_queue_bytes}, options.max_message_bytes};
}

}  // namespace

IncomingCall::IncomingCall(std::shared_ptr<Dispatcher> dispatcher, Machine::Reads reads)
    : Call(dispatcher->runtime(), Machine::Side::kServer, LimitsOf(dispatcher->options()), reads),
      dispatcher_(std::move(dispatcher)) {}

IncomingCall::~IncomingCall() { dispatcher_->Forget(*this); }

void IncomingCall::Arrived(Dispatcher::Method* method, std::optional<Payload> request,
                           absl::Status taken) {
  absl::Status status = std::move(taken);
  if (status.ok()) status = dispatcher_->Accept(*this, method);
  if (status.ok() && request) status = CheckSize(*request);
  if (!status.ok()) {
    Finish(status, std::nullopt);
  } else {
    one_request_ = served_by_->handler.one_request();
  }
  Machine::Requests to_read = one_request_ ? Machine::Requests::kOne : Machine::Requests::kMany;
  std::optional<Payload> whole;
  if (one_request_ && request) {
    to_read = Machine::Requests::kNone;
    whole = std::exchange(request, std::nullopt);
    request_read_ = true;
  }
  Step([&](Machine& machine) {
    Machine::Actions actions = machine.Accept(to_read, std::move(whole));
    // In the place of the read that would bring it.
    return request && !machine.final_status() ? machine.MessageRead(*std::move(request))
                                              : std::move(actions);
  });
  if (status.ok() && to_read != Machine::Requests::kOne) {
    dispatcher_->Run(std::static_pointer_cast<IncomingCall>(shared_from_this()), run_here_);
  }
}

std::optional<Payload> IncomingCall::TakeRequest() {
  std::unique_lock lock(mutex_);
  if (final_status()) return std::nullopt;
  return TakeOnly();
}

bool IncomingCall::abandoned() {
  return Ask([](const Machine& machine) { return machine.final_status().has_value(); });
}

void IncomingCall::Finish(absl::Status status, std::optional<Payload>&& message) {
  if (absl::Status fits = message ? CheckSize(*message) : absl::OkStatus(); !fits.ok()) {
    status = std::move(fits);
    message.reset();
  }
  Step([&](Machine& machine) { return machine.Finish(std::move(status), std::move(message)); });
}

void IncomingCall::Cancel(absl::Status status) {
  Call::Cancel(std::move(status));
  KillIfStuck();
}

void IncomingCall::Reject(absl::Status status) {
  Step([&](Machine& machine) { return machine.Reject(std::move(status), false); });
  KillIfStuck();
}

void IncomingCall::KillIfStuck() {
  std::unique_lock lock(mutex_);
  if (std::exchange(kill_due_, true)) return;
  At(absl::Now() + kStuck, [](Call& call) { static_cast<IncomingCall&>(call).Kill(); });
}

void IncomingCall::Kill() {
  Step([](Machine& machine) { return machine.Kill(); });
}

void IncomingCall::Drop() {
  Finish(absl::InternalError("the handler dropped the call without finishing it"), std::nullopt);
}

std::stop_token IncomingCall::stop_token() {
  std::unique_lock lock(mutex_);
  if (!stop_.stop_possible()) {
    stop_ = std::stop_source();
    if (stop_requested_) stop_.request_stop();
  }
  return stop_.get_token();
}

void IncomingCall::RequestStop() {
  std::unique_lock lock(mutex_);
  stop_requested_ = true;
  if (!stop_.stop_possible()) return;  // nobody has asked for a token yet
  // Callbacks are the application's: they run on the control thread.
  runtime_->control.Post([stop = stop_]() mutable { stop.request_stop(); });
}

const Metadata& IncomingCall::RequestMetadata() {
  std::unique_lock lock(mutex_);
  return ReceivedRequest();
}

absl::Status IncomingCall::AddInitialMetadata(std::string_view key, std::string_view value) {
  Metadata added;
  added.Add(key, value);
  if (absl::Status status = added.Validate(); !status.ok()) return status;
  std::unique_lock lock(mutex_);
  if (initial_sent_ || close_started()) {
    return absl::FailedPreconditionError("the initial metadata has been sent");
  }
  initial_.Add(key, value);
  return absl::OkStatus();
}

absl::Status IncomingCall::AddTrailingMetadata(std::string_view key, std::string_view value) {
  Metadata added;
  added.Add(key, value);
  if (absl::Status status = added.Validate(); !status.ok()) return status;
  std::unique_lock lock(mutex_);
  if (close_started()) return absl::FailedPreconditionError("the final status has been sent");
  trailing_.Add(key, value);
  return absl::OkStatus();
}

std::optional<Metadata> IncomingCall::TakeInitialMetadata() {
  if (initial_sent_) return std::nullopt;  // as a rule, for a stream
  std::unique_lock lock(mutex_);
  if (initial_sent_.exchange(true)) return std::nullopt;
  return std::move(initial_);
}

IncomingCall::Closing IncomingCall::TakeClosing() {
  Closing closing;
  if (!initial_sent_) {
    initial_sent_.store(true, std::memory_order_relaxed);
    closing.initial = std::move(initial_);
  }
  closing.trailing = std::move(trailing_);
  closing.status = *final_status();
  return closing;
}

bool IncomingCall::closing() {
  return Ask([](const Machine& machine) { return machine.close_started(); });
}

void IncomingCall::MessageRead(Payload&& message) {
  if (absl::Status status = CheckSize(message); !status.ok()) return Cancel(std::move(status));
  MessagesRead(absl::MakeSpan(&message, 1));
}

void IncomingCall::MessagesRead(absl::Span<Payload> messages) {
  Step([&](Machine& machine) { return machine.MessagesRead(messages); });
  if (one_request_ && !std::exchange(request_read_, true)) {
    dispatcher_->Run(std::static_pointer_cast<IncomingCall>(shared_from_this()), run_here_);
  }
}

void IncomingCall::ReadEnded() {
  Step([](Machine& machine) { return machine.ReadEnded(); });
  if (one_request_ && !request_read_) {
    Finish(absl::InternalError("the client closed the call without a request"), std::nullopt);
  }
}

void IncomingCall::WriteDone(bool ok) {
  Step([&](Machine& machine) { return machine.WriteDone(ok); });
}

void IncomingCall::CloseDone() {
  Tell([](Machine& machine) { machine.CloseDone(); });
}

void IncomingCall::PeerGone(absl::Status status) {
  Step([&](Machine& machine) { return machine.PeerGone(std::move(status)); });
}

}  // namespace parley::detail
