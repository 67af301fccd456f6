// The calling side: a client holds one connection to a server, by name or in the same process, and
// makes typed calls on it.
#ifndef PARLEY_CLIENT_H_
#define PARLEY_CLIENT_H_

#include <memory>
#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "parley/client_stream.h"
#include "parley/detail/export.h"
#include "parley/method.h"
#include "parley/options.h"
#include "parley/pending.h"

namespace parley {

class Server;

namespace detail {
class ClientCore;

// A call to be opened. `request` is null for methods whose requests are a stream.
struct CallStart {
  MethodKind kind;
  std::string_view path;
  const TypeOps* request_type;
  const void* request;
  // The caller blocks until the call has ended, so the request need not be copied, and the handler
  // of a local call may run on this thread.
  bool caller_waits;
};
}  // namespace detail

// Calls methods on one server.
//
// Example:  parley::Client client("127.0.0.1:50051");
//           absl::StatusOr<Answer> answer =
//               client.Call(kAsk, question, {.timeout = absl::Seconds(2)});
// Blocks:   the constructor never, it connects in the background. Call of a unary method until the
//           call has ended; the other calls never. With no connection, calls fail with UNAVAILABLE
//           unless they ask to wait_for_ready.
// Threads:  safe.
// Lifetime: cheap to copy, copies share the connection. Calls keep what they need, so a client may
//           go before its calls. A server in the same process may go before its clients, whose
//           calls then get UNAVAILABLE.
// Errors:   a target that can't be used is reported by every call: FAILED_PRECONDITION for
//           plaintext beyond loopback, UNAVAILABLE for a name that does not resolve.
class PARLEY_EXPORT Client {
 public:
  // `target` as gRPC takes it: "host:port", "dns:///name:port", "ipv6:[::1]:port", "unix:/path".
  explicit Client(std::string target, ClientOptions options = {});

  // A client of a server in this process: no socket, and no serialisation where both sides use the
  // same C++ type.
  static Client Local(Server& server, ClientOptions options = {});

  template <class Q, class A>
  absl::StatusOr<A> Call(const Unary<Q, A>& method, const std::type_identity_t<Q>& request,
                         const CallOptions& options = {}) const {
    const std::shared_ptr<detail::Exchange> call =
        Open({MethodKind::kUnary, method.path, &detail::kTypeOps<Q>, &request, true}, options);
    const bool busy = !call->Block(detail::Slot::kEnd);
    return detail::TakeResult<A>(*call, options.response, busy);
  }

  // The request is encoded or copied before this returns.
  template <class Q, class A>
  Pending<absl::StatusOr<A>> AsyncCall(const Unary<Q, A>& method,
                                       const std::type_identity_t<Q>& request,
                                       const CallOptions& options = {}) const {
    return {Open({MethodKind::kUnary, method.path, &detail::kTypeOps<Q>, &request, false}, options),
            detail::Slot::kEnd, &detail::TakeResult<A>, options.response, true};
  }

  template <class Q, class A>
  ClientReader<A> Call(const ServerStreaming<Q, A>& method, const std::type_identity_t<Q>& request,
                       const CallOptions& options = {}) const {
    return ClientReader<A>(
        Open({MethodKind::kServerStreaming, method.path, &detail::kTypeOps<Q>, &request, false},
             options));
  }

  template <class Q, class A>
  ClientWriter<Q, A> Call(const ClientStreaming<Q, A>& method,
                          const CallOptions& options = {}) const {
    return ClientWriter<Q, A>(
        Open({MethodKind::kClientStreaming, method.path, nullptr, nullptr, false}, options),
        options.response);
  }

  template <class Q, class A>
  ClientReaderWriter<Q, A> Call(const Bidi<Q, A>& method, const CallOptions& options = {}) const {
    return ClientReaderWriter<Q, A>(
        Open({MethodKind::kBidi, method.path, nullptr, nullptr, false}, options));
  }

 private:
  explicit Client(std::shared_ptr<detail::ClientCore> core) : core_(std::move(core)) {}
  std::shared_ptr<detail::Exchange> Open(const detail::CallStart& start,
                                         const CallOptions& options) const;

  std::shared_ptr<detail::ClientCore> core_;
};

}  // namespace parley

#endif  // PARLEY_CLIENT_H_
