#include "src/wire/local/local_unary_call.h"

#include <atomic>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "parley/detail/call_memory.h"
#include "parley/detail/cork.h"
#include "src/exchange/incoming_call.h"

namespace parley::detail {

// The server's end. Its handler need not be unary: it then gets a stream of one request, and may
// write one response.
class LocalUnaryIncomingCall final : public IncomingCall {
 public:
  LocalUnaryIncomingCall(std::shared_ptr<Dispatcher> dispatcher,
                         std::shared_ptr<LocalUnaryCall> client, const Metadata& metadata)
      : IncomingCall(std::move(dispatcher)),
        client_(std::move(client)),
        request_metadata_(metadata) {}

  // `here`: the caller waits, so its thread may run the handler.
  void Begin(Payload request, bool here) {
    run_here_ = here;
    Arrived(dispatcher_->Find(method()), std::move(request));
    // Its handler has returned, and goes on elsewhere.
    if (here && !closing()) WatchOnce();
  }
  // At its deadline the call ends, though the handler may go on.
  void WatchOnce() {
    if (!watched_.exchange(true)) WatchDeadline();
  }
  void ClientGone(absl::Status status) { PeerGone(std::move(status)); }

  AllocateBlock allocator() const override { return nullptr; }
  std::string peer() override { return "local"; }
  // A timer costs more than all the rest of a call that runs here. Until it has ended, only who has
  // a token can tell whether its deadline was watched.
  std::stop_token stop_token() override {
    if (run_here_) WatchOnce();
    return IncomingCall::stop_token();
  }

 private:
  void StartRead() override { ReadEnded(); }
  bool StartWrite(Payload&& message, Next next) override {
    if (response_) {
      SecondResponse();
      return false;
    }
    response_ = std::move(message);
    return next == Next::kClose ? StartClose() : true;
  }
  bool StartClose() override {
    Closing closing = TakeClosing();
    if (run_here_ && closing.status.ok() && deadline() <= absl::Now()) {
      closing.status = absl::DeadlineExceededError("the call's deadline has passed");
    }
    // Each end keeps the other until now.
    const std::shared_ptr<LocalUnaryCall> client = std::move(client_);
    client->Answer(std::move(response_), std::move(closing.status),
                   std::move(closing.initial).value_or(Metadata()), std::move(closing.trailing));
    CloseDone();
    return false;
  }
  void SecondResponse() {
    const std::shared_ptr<LocalUnaryCall> client = std::move(client_);
    client->Answer(std::nullopt, absl::InternalError("the server sent more than one response"), {},
                   {});
    PeerGone(absl::CancelledError("the client takes only one response"));
  }
  void CancelWire() override {}  // nothing gets stuck on the way
  const Metadata& ReceivedRequest() override { return request_metadata_; }

  std::shared_ptr<LocalUnaryCall> client_;
  const Metadata request_metadata_;
  std::optional<Payload> response_;
  std::atomic<bool> watched_ = false;
};

void LocalUnaryCall::StartOpen(Opening&& opening) {
  const std::shared_ptr<Dispatcher> dispatcher = dispatcher_.lock();
  if (dispatcher == nullptr) return Cancel(absl::UnavailableError("the server is gone"));
  const bool here = opening.caller_waits && !dispatcher->has_executor();
  const auto server = MakeCall<LocalUnaryIncomingCall>(
      dispatcher, std::static_pointer_cast<LocalUnaryCall>(shared_from_this()), opening.metadata);
  server->set_method(method());
  const bool bounded = deadline() != absl::InfiniteFuture();
  server->set_deadline(bounded ? deadline()
                               : absl::Now() + dispatcher->options().max_call_duration);
  if (!here && bounded) WatchDeadline();
  if (!here && !bounded) server->WatchOnce();
  {
    std::unique_lock lock(mutex_);
    if (given_up_) return;  // cancelled since
    server_ = server;
  }
  std::optional<Cork::Out> uncorked;
  if (here) uncorked.emplace();  // the caller waits: the handler may take its time
  server->Begin(*std::move(opening.request), here);
}

void LocalUnaryCall::Answer(std::optional<Payload> response, absl::Status status, Metadata initial,
                            Metadata trailing) {
  // Nobody looks at them before the call is completed.
  answered_initial_ = std::move(initial);
  answered_trailing_ = std::move(trailing);
  std::shared_ptr<LocalUnaryIncomingCall> server;
  {
    std::unique_lock lock(mutex_);
    server = std::move(server_);
  }
  Completed(std::move(response), std::move(status));
}

void LocalUnaryCall::CancelWire() {
  std::shared_ptr<LocalUnaryIncomingCall> server;
  {
    std::unique_lock lock(mutex_);
    given_up_ = true;
    server = std::move(server_);
  }
  if (server == nullptr) return;
  server->ClientGone(Ask([](const Machine& machine) { return *machine.final_status(); }));
}

}  // namespace parley::detail
