#include "src/wire/session/session_client.h"

#include <utility>
#include <vector>

#include "parley/detail/call_memory.h"
#include "src/wire/grpc/convert.h"
#include "src/wire/session/message_block.h"
#include "src/wire/session/session_limits.h"
#include "src/wire/session/session_outgoing_call.h"

namespace parley::detail {
namespace {

// A longer request gains nothing from a session, and would keep others waiting on it.
constexpr std::size_t kMostRequestBytes = std::size_t{256} << 10;

std::vector<std::unique_ptr<PlainClient>> Connect(const std::string& target,
                                                  const ClientOptions& options,
                                                  const std::shared_ptr<Runtime>& runtime,
                                                  CompletionSource& source, CallLimits limits) {
  std::vector<std::unique_ptr<PlainClient>> connections;
  // To spread calls, gRPC has a connection to each server, and gives each stream of one channel to the
  // next of them; of channels, each would begin anywhere.
  const bool one = options.load_balancing != LoadBalancing::kPickFirst;
  const std::size_t count = one ? 1 : MostSessions(options);
  for (std::size_t i = 0; i < count; ++i) {
    connections.push_back(std::make_unique<PlainClient>(target, options, runtime, source, limits));
  }
  return connections;
}

}  // namespace

SessionClient::SessionClient(const std::string& target, const ClientOptions& options,
                             std::shared_ptr<Runtime> runtime, CompletionSource& source,
                             CallLimits limits)
    : runtime_(std::move(runtime)),
      limits_(limits),
      wire_(options.wire),
      pool_(std::make_shared<SessionPool>(runtime_, source, options,
                                          Connect(target, options, runtime_, source, limits))) {}

AllocateBlock SessionClient::allocator() const { return &AllocateMessageBlock; }

std::shared_ptr<OutgoingCall> SessionClient::NewCall(const CallShape& shape) {
  const Wire wire = shape.wire == Wire::kAuto ? wire_ : shape.wire;
  const bool session =
      wire == Wire::kSession || (wire == Wire::kAuto && shape.request_bytes <= kMostRequestBytes &&
                                 pool_->HasReadyFor(shape.method));
  if (!session) return pool_->connection().NewCall(shape);
  return MakeCall<SessionOutgoingCall>(runtime_, limits_, pool_);
}

}  // namespace parley::detail
