// One run of a handler that takes its call's arguments: what it is given, and how its result, or what
// it throws, ends the call.
#ifndef PARLEY_DETAIL_INVOCATION_H_
#define PARLEY_DETAIL_INVOCATION_H_

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "parley/context.h"
#include "parley/detail/exchange.h"
#include "parley/detail/export.h"
#include "parley/detail/handler_form.h"
#include "parley/detail/request_pool.h"
#include "parley/method.h"
#include "parley/reader.h"
#include "parley/server_call.h"
#include "parley/writer.h"

namespace parley::detail {

// Ends the call of a handler that threw: INTERNAL, with the text in the log only.
PARLEY_EXPORT void FinishThrown(Exchange& exchange, std::exception_ptr thrown);

// The arguments of one run of a plain or coroutine handler; they live until it has completed.
template <class Method>
class Invocation {
 public:
  using Q = typename Method::Request;
  using A = typename Method::Response;
  using Result = std::conditional_t<Method::kKind == MethodKind::kUnary ||
                                        Method::kKind == MethodKind::kClientStreaming,
                                    absl::StatusOr<A>, absl::Status>;

  Invocation(const std::shared_ptr<Exchange>& exchange, Payload request, RequestPool<Q>& pool)
      : exchange_(*exchange),
        context_(exchange),
        reader_(exchange),
        writer_(exchange),
        payload_(std::move(request)),
        decoded_(pool) {}

  // Decodes the request. If it can't be, the call has been finished with INTERNAL. `may_borrow`:
  // the handler returns before the caller does, so a caller's own object may be used as it is.
  bool DecodeRequest(bool may_borrow) {
    if constexpr (kOneRequest<Method>) {
      request_ = payload_.template object<Q>();
      if (request_ != nullptr && (may_borrow || payload_.owned())) return true;
      if (absl::Status status = decoded_.Decode(std::move(payload_)); !status.ok()) {
        exchange_.Finish(absl::InternalError(absl::StrCat("malformed request: ", status.message())),
                         std::nullopt);
        return false;
      }
      request_ = &decoded_.get();
    }
    return true;
  }

  template <class F>
  decltype(auto) Run(const F& handler) {
    if constexpr (Method::kKind == MethodKind::kUnary) {
      return handler(context_, *request_);
    } else if constexpr (Method::kKind == MethodKind::kServerStreaming) {
      return handler(context_, *request_, writer_);
    } else if constexpr (Method::kKind == MethodKind::kClientStreaming) {
      return handler(context_, reader_);
    } else {
      return handler(context_, reader_, writer_);
    }
  }

  void Finish(Result result) {
    if constexpr (std::is_same_v<Result, absl::Status>) {
      exchange_.Finish(std::move(result), std::nullopt);
    } else {
      Respond(exchange_, result);
    }
  }
  void FinishThrown(std::exception_ptr thrown) { detail::FinishThrown(exchange_, thrown); }

 private:
  // In the place of an argument that this kind of method has not.
  struct None {
    explicit None(const std::shared_ptr<Exchange>&) {}
  };
  static constexpr bool kManyResponses =
      Method::kKind == MethodKind::kServerStreaming || Method::kKind == MethodKind::kBidi;

  Exchange& exchange_;  // the context keeps it
  Context context_;
  [[no_unique_address]] std::conditional_t<kOneRequest<Method>, None, Reader<Q>> reader_;
  [[no_unique_address]] std::conditional_t<kManyResponses, Writer<A>, None> writer_;
  Payload payload_;  // keeps an object of the caller's, if the request is one
  PooledRequest<Q> decoded_;
  const Q* request_ = nullptr;
};

}  // namespace parley::detail

#endif  // PARLEY_DETAIL_INVOCATION_H_
