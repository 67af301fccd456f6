#include "src/wire/local/local_client.h"

#include <atomic>
#include <mutex>
#include <utility>

#include "absl/time/clock.h"
#include "parley/detail/call_memory.h"
#include "src/exchange/incoming_call.h"
#include "src/wire/local/local_unary_call.h"
#include "src/wire/local/pipe.h"

namespace parley::detail {
namespace {

// What both ends of one call share.
struct Link {
  Pipe pipe;
  Metadata request_metadata;

  // What the server says beside its messages.
  std::mutex mutex;
  Metadata initial;
  Metadata trailing;
  absl::Status status;
};

class LocalIncomingCall final : public IncomingCall, public PipeEnd {
 public:
  LocalIncomingCall(std::shared_ptr<Dispatcher> dispatcher, std::shared_ptr<Link> link)
      : IncomingCall(std::move(dispatcher)), link_(std::move(link)) {}

  // The call is connected.
  void Begin() { Arrived(dispatcher_->Find(method())); }

  AllocateBlock allocator() const override { return nullptr; }
  std::string peer() override { return "local"; }

 private:
  void StartRead() override { link_->pipe.Read(Pipe::kServer); }
  bool StartWrite(Payload&& message, Next next) override {
    Say(next == Next::kClose);
    link_->pipe.Write(Pipe::kServer, std::move(message), next == Next::kClose);
    return false;
  }
  bool StartClose() override {
    Say(true);
    link_->pipe.Write(Pipe::kServer, std::nullopt, true);
    return false;
  }
  void CancelWire() override {
    link_->pipe.Sever(Pipe::kServer,
                      Ask([](const Machine& machine) { return *machine.final_status(); }));
  }
  const Metadata& ReceivedRequest() override { return link_->request_metadata; }

  void Delivered(Payload message) override { MessageRead(std::move(message)); }
  void EndDelivered() override { ReadEnded(); }
  void Written() override { closed_ ? CloseDone() : WriteDone(true); }
  void Severed(absl::Status status) override { PeerGone(std::move(status)); }

  void Say(bool close) {
    Closing said = close ? TakeClosing() : Closing{TakeInitialMetadata(), {}, {}};
    std::unique_lock lock(link_->mutex);
    if (said.initial) link_->initial = *std::move(said.initial);
    if (!close) return;
    closed_ = true;
    link_->trailing = std::move(said.trailing);
    link_->status = std::move(said.status);
  }

  const std::shared_ptr<Link> link_;
  std::atomic<bool> closed_ = false;
};

// Any call but a unary one.
class LocalOutgoingCall final : public OutgoingCall, public PipeEnd {
 public:
  LocalOutgoingCall(std::shared_ptr<Runtime> runtime, std::weak_ptr<Dispatcher> dispatcher,
                    CallLimits limits)
      : OutgoingCall(std::move(runtime), limits), dispatcher_(std::move(dispatcher)) {}

  AllocateBlock allocator() const override { return nullptr; }
  std::string peer() override { return "local"; }

 private:
  void StartOpen(Opening&& opening) override {
    const std::shared_ptr<Dispatcher> dispatcher = dispatcher_.lock();
    if (dispatcher == nullptr) return Cancel(absl::UnavailableError("the server is gone"));
    const auto server = std::make_shared<LocalIncomingCall>(dispatcher, link_);
    server->set_method(method());
    if (deadline() == absl::InfiniteFuture()) {
      server->set_deadline(absl::Now() + dispatcher->options().max_call_duration);
      server->WatchDeadline();
    } else {
      server->set_deadline(deadline());
      WatchDeadline();
    }
    link_->request_metadata = opening.metadata;
    const auto self = std::static_pointer_cast<LocalOutgoingCall>(shared_from_this());
    if (!link_->pipe.Connect(self, server)) return;  // cancelled since
    const bool with_request = opening.request.has_value();
    if (with_request) link_->pipe.Write(Pipe::kClient, std::move(opening.request), true);
    server->Begin();
    if (!with_request) WriteDone(true);
  }

  void StartRead() override { link_->pipe.Read(Pipe::kClient); }
  bool StartWrite(Payload&& message, Next next) override {
    link_->pipe.Write(Pipe::kClient, std::move(message), next == Next::kClose);
    return false;
  }
  bool StartClose() override {
    link_->pipe.Write(Pipe::kClient, std::nullopt, true);
    return false;
  }
  void StartStatus() override {
    absl::Status status;
    {
      std::unique_lock lock(link_->mutex);
      status = link_->status;
    }
    StatusRead(std::move(status));
    link_->pipe.Close(Pipe::kClient);
  }
  void CancelWire() override {
    link_->pipe.Sever(Pipe::kClient,
                      Ask([](const Machine& machine) { return *machine.final_status(); }));
  }
  const Metadata& ReceivedInitial() override { return CopyOnce(initial_, link_->initial); }
  const Metadata& ReceivedTrailing() override { return CopyOnce(trailing_, link_->trailing); }
  // Of a call that was cut off the server may still be saying it.
  const Metadata& CopyOnce(std::optional<Metadata>& copy, const Metadata& said) {
    std::unique_lock lock(link_->mutex);
    if (!copy) copy = said;
    return *copy;
  }

  void Delivered(Payload message) override { MessageRead(std::move(message)); }
  void EndDelivered() override { ReadEnded(); }
  void Written() override { WriteDone(true); }
  void Severed(absl::Status status) override { StatusRead(std::move(status)); }

  const std::weak_ptr<Dispatcher> dispatcher_;
  const std::shared_ptr<Link> link_ = std::make_shared<Link>();
  // Once somebody has asked.
  std::optional<Metadata> initial_;
  std::optional<Metadata> trailing_;
};

}  // namespace

std::shared_ptr<OutgoingCall> LocalClient::NewCall(const CallShape& shape) {
  if (shape.kind == MethodKind::kUnary) {
    return MakeCall<LocalUnaryCall>(runtime_, dispatcher_, limits_);
  }
  return std::make_shared<LocalOutgoingCall>(runtime_, dispatcher_, limits_);
}

bool LocalClient::BorrowsRequests(std::string_view method) const {
  const std::shared_ptr<Dispatcher> dispatcher = dispatcher_.lock();
  if (dispatcher == nullptr || dispatcher->has_executor()) return false;
  // A stream's handler may come to read it after its caller has gone.
  const Dispatcher::Method* found = dispatcher->Find(method);
  return found != nullptr && found->handler.one_request();
}

}  // namespace parley::detail
