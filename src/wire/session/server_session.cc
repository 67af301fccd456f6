#include "src/wire/session/server_session.h"

#include <grpc/grpc.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "parley/detail/call_memory.h"
#include "src/wire/grpc/convert.h"
#include "src/wire/grpc/listener.h"
#include "src/wire/session/session_incoming_call.h"
#include "src/wire/session/session_limits.h"

namespace parley::detail {
namespace {

SessionMachine::Limits LimitsOf(const ServerOptions& options) {
  return SessionLimits(options.max_message_bytes, options.receive_queue_bytes,
                       options.max_live_calls);
}

}  // namespace

// What the state machine makes calls with; it is made before the session.
struct ServerSession::Lanes {
  std::shared_ptr<Dispatcher> dispatcher;
  std::weak_ptr<ServerSession> session;
  absl::Time now;  // when the calls that are made next have arrived
  Dispatcher::Method* last_method = nullptr;

  // Many calls of one method come one after another, as a rule.
  Dispatcher::Method* Find(std::string_view path) {
    if (last_method == nullptr || last_method->handler.path != path) {
      last_method = dispatcher->Find(path);
    }
    return last_method;
  }

  std::shared_ptr<Lane> Make(std::string_view method, std::uint64_t timeout_us) {
    const absl::Duration timeout =
        timeout_us == 0 ? dispatcher->options().max_call_duration
                        : absl::Microseconds(static_cast<std::int64_t>(
                              std::min<std::uint64_t>(timeout_us, kLongestTimeoutUs)));
    return MakeCall<SessionIncomingCall>(dispatcher, session.lock(), method, Find(method),
                                         now + timeout);
  }

  static constexpr std::uint64_t kLongestTimeoutUs = std::uint64_t{1} << 53;  // 285 years
};

std::shared_ptr<ServerSession> ServerSession::Make(Listener& listener,
                                                   std::shared_ptr<Dispatcher> dispatcher,
                                                   CompletionSource& source) {
  auto lanes = std::make_shared<Lanes>();
  lanes->dispatcher = dispatcher;
  std::shared_ptr<ServerSession> session(
      new ServerSession(listener, std::move(dispatcher), source, lanes));
  lanes->session = session;
  return session;
}

ServerSession::ServerSession(Listener& listener, std::shared_ptr<Dispatcher> dispatcher,
                             CompletionSource& source, std::shared_ptr<Lanes> lanes)
    : Session(dispatcher->runtime(), source,
              SessionMachine(SessionMachine::Side::kServer, LimitsOf(dispatcher->options()),
                             &AllocateSlice,
                             [lanes](std::string_view method, std::uint64_t timeout_us) {
                               return lanes->Make(method, timeout_us);
                             }),
              dispatcher->options().keepalive_timeout),
      listener_(listener),
      lanes_(std::move(lanes)) {
  read_.in_background = true;
}

void ServerSession::Await(std::size_t index) {
  listener_.Awaits();
  listener_.service().Await(index, context_, stream_, listener_.queue(),
                            arrived_.Start(source_, Self()));
}

std::vector<std::string> ServerSession::PeerIdentities() {
  std::vector<std::string> identities;
  for (const grpc::string_ref& identity : context_.auth_context()->GetPeerIdentity()) {
    identities.emplace_back(identity.data(), identity.size());
  }
  return identities;
}

void ServerSession::StartEnd(const absl::Status& status) {
  stream_.Finish(ToGrpcStatus(status), ended_.Start(source_, Self()));
}

void ServerSession::StreamOver() { listener_.SessionOver(); }

void ServerSession::OnArrived(bool ok) {
  if (ok) listener_.SessionArrived(Self());  // or else the server is closing
  listener_.AwaitsNoMore();
}

void ServerSession::OnRead(bool ok) {
  if (ok) {
    lanes_->now = absl::Now();
    return Arrived(ToBlock(*std::exchange(incoming_.payload, std::nullopt)));
  }
  Break(absl::CancelledError("the client cancelled the call or is gone"));
  // Or else the client has closed its side, and waits.
  if (!grpc_call_failed_before_recv_message(context_.c_call())) EndStream(absl::OkStatus());
  ReadEnded();
}

}  // namespace parley::detail
