// Settings of calls, clients and servers: plain values, each with a finite, safe default.
#ifndef PARLEY_OPTIONS_H_
#define PARLEY_OPTIONS_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "parley/executor.h"
#include "parley/metadata.h"

namespace grpc {
class ChannelCredentials;
class ServerCredentials;
}  // namespace grpc

namespace parley {

class Context;

// Which wire carries a call.
enum class Wire {
  kAuto,     // for a call: as its client has it; for a client: a session as soon as there is one
  kPlain,    // one gRPC call for each call: what any gRPC peer, proxy and load balancer understands
  kSession,  // many calls on one gRPC stream; only with servers of parley's, and waits for one
};

// Which of the servers that a target resolves to get a client's calls.
enum class LoadBalancing {
  kPickFirst,   // the first that can be reached, until its connection is lost
  kRoundRobin,  // all that can be reached, in turn
};

// The metadata that came back with a call.
struct ResponseMetadata {
  Metadata initial;
  Metadata trailing;
};

// One call's settings. Everything pointed to is read, or for `response` written, only inside the
// parley call that is given the options and, for `response`, in the wait for the result.
struct CallOptions {
  // Time for the whole call. Unset: 60 s for unary and client streaming, 10 min for server
  // streaming and bidi. absl::InfiniteDuration(): none. Zero or less: the call fails with
  // DEADLINE_EXCEEDED at once.
  std::optional<absl::Duration> timeout = std::nullopt;
  // Sent with the request.
  const Metadata* metadata = nullptr;
  // Filled when a unary or client streaming call ends; a pending result must not outlive it.
  ResponseMetadata* response = nullptr;
  // A handler's context whose deadline and cancellation the call inherits; see Context::Child.
  const Context* parent = nullptr;
  // Wait for a connection until the deadline, instead of failing with UNAVAILABLE when there is
  // none.
  bool wait_for_ready = false;
  Wire wire = Wire::kAuto;
};
// gcc 12 destroys non-trivial aggregate temporaries twice in a co_await expression.
static_assert(std::is_trivially_destructible_v<CallOptions>);

enum class Severity { kInfo, kWarning, kError };

// Called without locks, from any thread; must not throw, nor call back into the object that logs.
using Log = std::function<void(Severity severity, std::string_view text)>;

struct ClientOptions {
  // TLS, mTLS or anything else gRPC offers. None: plaintext.
  std::shared_ptr<grpc::ChannelCredentials> credentials = nullptr;
  // Plaintext leaves the machine only if this says so; else calls fail with FAILED_PRECONDITION.
  bool allow_plaintext_beyond_loopback = false;
  // Adds to each call's metadata, for example a token. An error fails the call with that status. Also
  // asked for the stream of a session, "parley.v1.SessionService/Open".
  std::function<absl::Status(std::string_view method, Metadata& metadata)> per_call_metadata =
      nullptr;
  // Where callbacks and resumptions run. None: the client's own threads, started when first needed.
  std::shared_ptr<Executor> executor = nullptr;

  std::size_t max_message_bytes = std::size_t{64} << 20;  // either way; more is RESOURCE_EXHAUSTED
  // What one call holds each way before writers wait, or before the peer is not read; plus one
  // message.
  std::size_t send_queue_bytes = std::size_t{64} << 10;
  std::size_t receive_queue_bytes = std::size_t{64} << 10;

  absl::Duration keepalive_interval = absl::Minutes(5);  // servers punish less than five minutes
  absl::Duration keepalive_timeout = absl::Seconds(20);
  absl::Duration max_reconnect_backoff = absl::Seconds(5);

  // What carries calls that don't say so themselves.
  Wire wire = Wire::kAuto;
  // How many sessions to keep; calls go to the one that has the fewest. Each has a connection of its
  // own; with kRoundRobin, those to one server share one.
  std::size_t sessions = 1;
  // For a target with several addresses: a name, or "ipv4:10.0.0.1:50051,10.0.0.2:50051". With
  // kRoundRobin plain calls go to each in turn, and sessions are spread over them: at least as many
  // `sessions` as servers, or some get none.
  LoadBalancing load_balancing = LoadBalancing::kPickFirst;

  std::size_t max_threads = 64;
  Log log = nullptr;  // none: warnings and errors go to stderr
};

// What is known of a call before its handler runs.
struct CallInfo {
  std::string_view method;  // "package.Service/Method"
  std::string_view
      peer;  // as gRPC spells it: "ipv4:127.0.0.1:4711", "unix:..."; "local" in process
  absl::Time deadline;
  const Metadata& metadata;
  // Names in the client's verified certificate; empty without mTLS.
  const std::vector<std::string>& peer_identities;
};

struct ServerOptions {
  // TLS or mTLS. None: plaintext.
  std::shared_ptr<grpc::ServerCredentials> credentials = nullptr;
  // Without it Start refuses to listen in plaintext on anything but loopback and unix sockets.
  bool allow_plaintext_beyond_loopback = false;
  // Asked before every handler of every method, parley's own included; anything but OK is the
  // call's status. Runs on the server's or the executor's threads: must not block for long.
  std::function<absl::Status(const CallInfo&)> authorize = nullptr;
  // Where handlers and resumptions run. None: the server's own threads.
  std::shared_ptr<Executor> executor = nullptr;

  std::size_t max_message_bytes = std::size_t{64} << 20;
  std::size_t send_queue_bytes = std::size_t{64} << 10;
  std::size_t receive_queue_bytes = std::size_t{64} << 10;
  std::size_t max_live_calls = 16384;  // more get RESOURCE_EXHAUSTED
  // What gRPC may buffer for all connections together, before it stops reading.
  std::size_t max_memory_bytes = std::size_t{1} << 30;
  // For callers that set no deadline.
  absl::Duration max_call_duration = absl::Hours(1);

  absl::Duration keepalive_interval = absl::Minutes(5);
  absl::Duration keepalive_timeout = absl::Seconds(20);

  std::size_t max_threads = 64;           // running handlers
  std::size_t max_blocked_threads = 256;  // these and those that wait inside a parley call
  Log log = nullptr;
};

}  // namespace parley

#endif  // PARLEY_OPTIONS_H_
