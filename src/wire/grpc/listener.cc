#include "src/wire/grpc/listener.h"

#include <grpc/grpc.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "parley/detail/call_memory.h"
#include "src/wire/grpc/convert.h"
#include "src/wire/grpc/plain_incoming_call.h"
#include "src/wire/grpc/unknown_method_call.h"
#include "src/wire/session/server_session.h"

namespace parley::detail {
namespace {

// How many calls of one method may arrive while the poller is busy. Those beyond that wait in gRPC
// and cost a tenth more. Each that is awaited takes 4 KiB, and the more there are, the more memory a
// call walks through even when it is the only one: so they become more when many calls are open.
constexpr int kFewAwaited = 16;
constexpr int kMostAwaited = 64;
// A client has few of them.
constexpr int kMostSessions = 1024;
constexpr std::size_t kMostStreams = std::size_t{1} << 30;

}  // namespace

Listener::Listener(const ServerOptions& options) {
  std::unique_ptr<grpc::ServerCompletionQueue> queue = builder_.AddCompletionQueue();
  queue_ = queue.get();
  untaken_ = std::make_unique<CompletionSource>(std::move(queue));
  source_ = untaken_.get();

  // parley checks, for a failed read of gRPC's does not tell a message that was too large from the end
  // of an upload. gRPC would not look before it has the whole message, either.
  builder_.SetMaxReceiveMessageSize(-1);
  builder_.SetMaxSendMessageSize(-1);  // parley has checked, and says both numbers
  builder_.SetResourceQuota(grpc::ResourceQuota("parley").Resize(options.max_memory_bytes));
  // Two servers on one port would share its connections.
  builder_.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder_.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS,
                              ToGrpcMilliseconds(options.keepalive_interval));
  builder_.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                              ToGrpcMilliseconds(options.keepalive_timeout));
  builder_.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder_.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder_.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // Past max_live_calls there is still room to say so; past this, clients wait.
  builder_.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                              ToGrpcInt(2 * std::min(options.max_live_calls, kMostStreams)));
  builder_.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
}

std::unique_ptr<EventSource> Listener::TakeSource() { return std::move(untaken_); }

absl::Status Listener::Start(const std::string& address,
                             const std::vector<grpc::Service*>& services,
                             std::shared_ptr<Dispatcher> dispatcher) {
  dispatcher_ = std::move(dispatcher);
  for (Dispatcher::Method* method : dispatcher_->Methods()) {
    methods_.push_back({.method = method, .awaited = kFewAwaited});
    service_.Add(absl::StrCat("/", method->handler.path), method->handler.one_request());
  }
  service_.Add(absl::StrCat("/", kSessionMethod), false);
  // A generated service's methods don't come to the dispatcher.
  for (Dispatcher::Method* method : dispatcher_->Methods()) {
    if (!services.empty()) methods_on_sessions_.push_back(method->handler.path);
  }
  // parley sends nothing compressed, but a generated service may. What arrives is decompressed.
  if (services.empty()) builder_.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
  builder_.RegisterService(&service_);
  builder_.RegisterAsyncGenericService(&unknown_methods_);
  for (grpc::Service* service : services) builder_.RegisterService(service);
  const auto& credentials = dispatcher_->options().credentials;
  builder_.AddListeningPort(address, credentials ? credentials : grpc::InsecureServerCredentials(),
                            &port_);
  server_ = builder_.BuildAndStart();
  if (server_ == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("can't listen on ", address,
                     ": another process may have the port, or this machine not the address; with "
                     "port 0 the system picks a free one"));
  }
  shown_port_ = port_ < 2 ? 0 : port_;  // of a unix socket gRPC says 1
  for (std::size_t index = 0; index < methods_.size(); ++index) {
    for (int i = 0; i < kFewAwaited; ++i) AcceptNext(index);
  }
  AcceptNextUnknown();
  AcceptNextSession();
  return absl::OkStatus();
}

void Listener::Arrived(std::size_t index) {
  AcceptedMethod& method = methods_[index];
  AcceptNext(index);
  if (++method.open > method.awaited && method.awaited < kMostAwaited) {
    ++method.awaited;
    AcceptNext(index);
  }
}

void Listener::AcceptNext(std::size_t index) {
  std::shared_ptr<PlainIncomingCall> call;
  if (methods_[index].method->handler.one_request()) {
    call = MakeCall<PlainOneRequestCall>(dispatcher_, *source_);
  } else {
    call = MakeCall<PlainManyRequestsCall>(dispatcher_, *source_);
  }
  std::unique_lock lock(mutex_);
  if (!closing_) call->Await(*this, index);
}

void Listener::AcceptNextUnknown() {
  const auto call = std::make_shared<UnknownMethodCall>(*this, *source_);
  std::unique_lock lock(mutex_);
  if (!closing_) call->Await(unknown_methods_, *queue_);
}

void Listener::AcceptNextSession() {
  const std::shared_ptr<ServerSession> session = ServerSession::Make(*this, dispatcher_, *source_);
  std::unique_lock lock(mutex_);
  if (!closing_) session->Await(methods_.size());
}

void Listener::SessionArrived(const std::shared_ptr<ServerSession>& session) {
  AcceptNextSession();
  std::unique_lock lock(mutex_);
  const bool too_many = ++live_sessions_ > kMostSessions;
  if (!too_many && !draining_) {
    session->Start(methods_on_sessions_);  // so that it is drained only after that
    std::erase_if(sessions_, [](const auto& weak) { return weak.expired(); });
    sessions_.push_back(session);
    return;
  }
  lock.unlock();
  session->Refuse(too_many ? absl::ResourceExhaustedError(absl::StrCat(
                                 "the server takes no more than ", kMostSessions, " sessions"))
                           : absl::UnavailableError("the server is shutting down"));
}

void Listener::SessionOver() {
  std::unique_lock lock(mutex_);
  if (--live_sessions_ == 0) changed_.notify_all();
}

void Listener::AwaitsNoMore() {
  if (awaited_.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  std::unique_lock lock(mutex_);
  changed_.notify_all();
}

void Listener::DrainSessions() {
  std::vector<std::weak_ptr<ServerSession>> sessions;
  {
    std::unique_lock lock(mutex_);
    draining_ = true;
    sessions.swap(sessions_);
  }
  for (const std::weak_ptr<ServerSession>& weak : sessions) {
    if (const std::shared_ptr<ServerSession> session = weak.lock()) session->Drain();
  }
}

void Listener::Shutdown(absl::Time deadline) {
  if (server_ == nullptr) return;
  {
    std::unique_lock lock(mutex_);
    closing_ = true;
  }
  server_->Shutdown(absl::ToChronoTime(deadline));
  // gRPC has nothing left of what arrived with a connection that is closed, but its events may not have
  // been seen: whoever arrived would answer when nobody polls any more.
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return live_sessions_ == 0 && awaited_ == 0; });
}

void Listener::AwaitSessions(absl::Time deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, absl::ToChronoTime(deadline), [this] { return live_sessions_ == 0; });
}

void Listener::CutOff() {
  if (server_ != nullptr) grpc_server_cancel_all_calls(server_->c_server());
}

}  // namespace parley::detail
