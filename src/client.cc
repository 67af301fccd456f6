#include "parley/client.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "parley/context.h"
#include "parley/server.h"
#include "src/client_core.h"
#include "src/exchange/dispatcher.h"
#include "src/plaintext.h"
#include "src/server_core.h"
#include "src/wire/local/local_client.h"
#include "src/wire/session/session_client.h"

namespace parley {
namespace detail {
namespace {

absl::Duration DefaultTimeout(MethodKind kind) {
  const bool short_lived = kind == MethodKind::kUnary || kind == MethodKind::kClientStreaming;
  return short_lived ? absl::Seconds(60) : absl::Minutes(10);
}

CallLimits LimitsOf(const ClientOptions& options) {
  return {{options.send_queue_bytes, options.receive_queue_bytes}, options.max_message_bytes};
}

std::shared_ptr<Runtime> MakeRuntime(std::unique_ptr<EventSource> source,
                                     const ClientOptions& options) {
  const std::size_t threads = std::max<std::size_t>(options.max_threads, 1);
  const std::size_t total = threads + 3 * std::min<std::size_t>(threads, 1 << 20);
  return Runtime::Make(std::move(source), {threads, total}, options.executor, options.log);
}

}  // namespace

ClientCore::ClientCore(std::string target, ClientOptions options) : options_(std::move(options)) {
  if (target.empty()) {
    usable_ = absl::InvalidArgumentError("no target: \"host:port\" or \"unix:/path\"");
  } else if (options_.credentials == nullptr && !options_.allow_plaintext_beyond_loopback &&
             !IsLoopback(target)) {
    usable_ = absl::FailedPreconditionError(
        absl::StrCat("plaintext to ", target,
                     " would leave this machine: set "
                     "ClientOptions::credentials, or allow_plaintext_beyond_loopback"));
  }
  auto source = std::make_unique<CompletionSource>(std::make_shared<grpc::CompletionQueue>());
  CompletionSource& completions = *source;
  std::shared_ptr<Runtime> runtime = MakeRuntime(std::move(source), options_);
  wire_ = std::make_unique<SessionClient>(target, options_, std::move(runtime), completions,
                                          LimitsOf(options_));
}

ClientCore::ClientCore(std::weak_ptr<Dispatcher> server, ClientOptions options)
    : options_(std::move(options)),
      wire_(std::make_unique<LocalClient>(MakeRuntime(nullptr, options_), std::move(server),
                                          LimitsOf(options_))) {}

absl::Status ClientCore::Prepare(const CallStart& start, const CallOptions& options,
                                 Metadata& metadata, std::optional<Payload>& request) {
  if (!usable_.ok()) return usable_;
  if (options.metadata != nullptr) metadata = *options.metadata;
  if (options_.per_call_metadata) {
    if (absl::Status status = options_.per_call_metadata(start.path, metadata); !status.ok()) {
      return status;
    }
  }
  if (absl::Status status = metadata.Validate(); !status.ok()) return status;
  if (start.request == nullptr) return absl::OkStatus();

  const TypeOps& type = *start.request_type;
  const AllocateBlock allocate = wire_->allocator();
  if (allocate == nullptr && start.caller_waits && wire_->BorrowsRequests(start.path)) {
    request = Payload::Borrow(&type, start.request);
  } else if (allocate == nullptr && type.clone != nullptr) {
    request = Payload::Own(&type, type.clone(start.request));
  } else {
    request = Payload::Borrow(&type, start.request);
    absl::Status status = request->ToBytes(allocate ? allocate : AllocateHeapBlock);
    if (!status.ok()) return status;
  }
  if (request->size_bytes() <= options_.max_message_bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("a request of ", request->size_bytes(), " bytes is over the limit of ",
                   options_.max_message_bytes, " bytes (max_message_bytes)"));
}

std::shared_ptr<OutgoingCall> ClientCore::Open(const CallStart& start, const CallOptions& options) {
  const absl::Time now = absl::Now();
  absl::Time deadline = now + options.timeout.value_or(DefaultTimeout(start.kind));
  if (options.parent != nullptr) deadline = std::min(deadline, options.parent->deadline());

  Metadata metadata;
  std::optional<Payload> request;
  absl::Status status =
      deadline > now ? Prepare(start, options, metadata, request)
                     : absl::DeadlineExceededError("the deadline passed before the call was made");
  const std::size_t request_bytes = request ? request->size_bytes() : 0;
  std::shared_ptr<OutgoingCall> call =
      wire_->NewCall({start.kind, start.path, request_bytes, options.wire});
  call->set_method(start.path);
  call->set_deadline(deadline);
  if (!status.ok()) {
    call->Cancel(std::move(status));
    return call;
  }
  if (options.parent != nullptr) call->FollowParent(options.parent->stop_token());
  // The application may have taken its time to say what it sends along.
  const absl::Duration timeout = deadline - (options_.per_call_metadata ? absl::Now() : now);
  call->Open({start.kind, std::move(request), metadata, timeout, options.wait_for_ready,
              start.caller_waits});
  return call;
}

}  // namespace detail

Client::Client(std::string target, ClientOptions options)
    : core_(std::make_shared<detail::ClientCore>(std::move(target), std::move(options))) {}

Client Client::Local(Server& server, ClientOptions options) {
  return Client(std::make_shared<detail::ClientCore>(
      std::weak_ptr<detail::Dispatcher>(server.core_->dispatcher()), std::move(options)));
}

std::shared_ptr<detail::Exchange> Client::Open(const detail::CallStart& start,
                                               const CallOptions& options) const {
  return core_->Open(start, options);
}

}  // namespace parley
