// An asynchronous handler's call: an object that the handler keeps, in an engine's own loop for
// example, and finishes later.
#ifndef PARLEY_SERVER_CALL_H_
#define PARLEY_SERVER_CALL_H_

#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "parley/context.h"
#include "parley/detail/exchange.h"
#include "parley/detail/export.h"
#include "parley/method.h"
#include "parley/reader.h"
#include "parley/writer.h"

namespace parley {

namespace detail {

// Finishes `exchange` with `result`: a response and OK, or an error.
template <class T>
void Respond(Exchange& exchange, const absl::StatusOr<T>& result) {
  if (!result.ok()) return exchange.Finish(result.status(), std::nullopt);
  absl::StatusOr<Payload> payload = MakePayload(exchange, *result);
  if (!payload.ok()) return exchange.Finish(payload.status(), std::nullopt);
  exchange.Finish(absl::OkStatus(), *std::move(payload));
}

// Owns the server's end of a call: dropped without Finish, the call ends with INTERNAL.
class PARLEY_EXPORT ServerCallBase {
 public:
  ServerCallBase(ServerCallBase&&) noexcept = default;
  ServerCallBase& operator=(ServerCallBase&& other) noexcept;
  ~ServerCallBase();

  const Context& context() const { return context_; }
  Context& context() { return context_; }

 protected:
  explicit ServerCallBase(std::shared_ptr<Exchange> exchange)
      : call_(std::move(exchange)), context_(call_) {}

  std::shared_ptr<Exchange> call_;
  Context context_;
};

}  // namespace detail

// A call that its handler finishes when it likes.
//
// Example:  using Tell = parley::ServerStreaming<Prompt, Token>;
//           server.Register(kTell, [&](parley::ServerCall<Tell> call) {
//             engine.Enqueue(std::move(call));
//           });
// Blocks:   only Write and Next, as in Writer and Reader.
// Threads:  one reader and one writer at a time; Finish from either.
// Lifetime: may outlive the handler; a server's shutdown waits for it. Dropped without Finish:
//           INTERNAL.
template <class Method>
class ServerCall;

template <class Q, class A>
class ServerCall<Unary<Q, A>> : public detail::ServerCallBase {
 public:
  ServerCall(std::shared_ptr<detail::Exchange> exchange, Q request)
      : ServerCallBase(std::move(exchange)), request_(std::move(request)) {}
  const Q& request() const { return request_; }
  Q& request() { return request_; }
  void Finish(const absl::StatusOr<A>& result) && { detail::Respond(*call_, result); }

 private:
  Q request_;
};

template <class Q, class A>
class ServerCall<ServerStreaming<Q, A>> : public detail::ServerCallBase, public Writer<A> {
 public:
  ServerCall(std::shared_ptr<detail::Exchange> exchange, Q request)
      : ServerCallBase(exchange), Writer<A>(std::move(exchange)), request_(std::move(request)) {}
  const Q& request() const { return request_; }
  Q& request() { return request_; }
  // What was written before is sent first.
  void Finish(absl::Status status) && { call_->Finish(std::move(status), std::nullopt); }

 private:
  Q request_;
};

template <class Q, class A>
class ServerCall<ClientStreaming<Q, A>> : public detail::ServerCallBase, public Reader<Q> {
 public:
  explicit ServerCall(std::shared_ptr<detail::Exchange> exchange)
      : ServerCallBase(exchange), Reader<Q>(std::move(exchange)) {}
  void Finish(const absl::StatusOr<A>& result) && { detail::Respond(*call_, result); }
};

template <class Q, class A>
class ServerCall<Bidi<Q, A>> : public detail::ServerCallBase, public Reader<Q>, public Writer<A> {
 public:
  explicit ServerCall(std::shared_ptr<detail::Exchange> exchange)
      : ServerCallBase(exchange), Reader<Q>(exchange), Writer<A>(std::move(exchange)) {}
  void Finish(absl::Status status) && { call_->Finish(std::move(status), std::nullopt); }
};

}  // namespace parley

#endif  // PARLEY_SERVER_CALL_H_
