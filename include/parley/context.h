// What a handler knows of its call beside the messages.
#ifndef PARLEY_CONTEXT_H_
#define PARLEY_CONTEXT_H_

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "parley/detail/exchange.h"
#include "parley/metadata.h"
#include "parley/options.h"

namespace parley {

// One call, as its handler sees it.
//
// Example:  while (!ctx.cancelled()) Step();
// Threads:  safe.
// Lifetime: lives as long as the handler runs (plain), its awaitable has not completed (coroutine),
//           or its ServerCall.
class Context {
 public:
  explicit Context(std::shared_ptr<detail::Exchange> exchange) : exchange_(std::move(exchange)) {}

  std::string_view method() const { return exchange_->method(); }
  // As gRPC spells it: "ipv4:127.0.0.1:4711", "unix:..."; "local" in process.
  std::string peer() const { return exchange_->peer(); }
  // Never infinite: the server's max_call_duration stands in for a deadline that the caller did not
  // set.
  absl::Time deadline() const { return exchange_->deadline(); }
  // What the client sent with the request.
  const Metadata& metadata() const { return exchange_->RequestMetadata(); }

  // Told when the client left, the deadline passed or the server stops. Stop callbacks run on
  // parley's control thread and must not block.
  std::stop_token stop_token() const { return exchange_->stop_token(); }
  bool cancelled() const { return exchange_->stop_token().stop_requested(); }

  // Sent before the first message. FAILED_PRECONDITION once something was sent, INVALID_ARGUMENT if
  // gRPC would refuse it.
  absl::Status AddInitialMetadata(std::string_view key, std::string_view value) {
    return exchange_->AddInitialMetadata(key, value);
  }
  // Sent with the final status. FAILED_PRECONDITION once that was sent, INVALID_ARGUMENT as above.
  absl::Status AddTrailingMetadata(std::string_view key, std::string_view value) {
    return exchange_->AddTrailingMetadata(key, value);
  }

  // Options for a call made on behalf of this one: it ends when this one is cancelled, and no later
  // than its deadline.
  //
  // Example:  client.Call(kEmbed, text, ctx.Child({.timeout = absl::Seconds(1)}));
  CallOptions Child(CallOptions options = {}) const {
    options.parent = this;
    return options;
  }

 private:
  std::shared_ptr<detail::Exchange> exchange_;
};

}  // namespace parley

#endif  // PARLEY_CONTEXT_H_
