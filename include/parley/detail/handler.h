// Turns an application's handler of any form into one untyped function of an exchange.
#ifndef PARLEY_DETAIL_HANDLER_H_
#define PARLEY_DETAIL_HANDLER_H_

#include <concepts>
#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "parley/detail/exchange.h"
#include "parley/detail/handler_form.h"
#include "parley/detail/invocation.h"
#include "parley/method.h"
#include "parley/server_call.h"

namespace parley::detail {

// A registered method. `run` gets the exchange once the call is there, and for kinds with one
// request, its payload. It may throw: the caller turns that into INTERNAL. It finishes the
// exchange, now or later.
struct Handler {
  MethodKind kind;
  std::string path;
  std::function<void(const std::shared_ptr<Exchange>&, Payload request)> run;

  bool one_request() const {
    return kind == MethodKind::kUnary || kind == MethodKind::kServerStreaming;
  }
};

// A coroutine that nobody awaits: starts at once, frees itself at the end.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

template <class Method, class F>
Detached RunCoroutine(const F& handler, std::shared_ptr<Exchange> exchange, Payload request,
                      std::shared_ptr<RequestPool<typename Method::Request>> pool) {
  Invocation<Method> invocation(exchange, std::move(request), *pool);
  std::exception_ptr thrown;
  try {
    if (invocation.DecodeRequest(false)) {
      auto awaitable = invocation.Run(handler);
      invocation.Finish(co_await std::move(awaitable));
    }
  } catch (...) {
    thrown = std::current_exception();
  }
  if (thrown) invocation.FinishThrown(thrown);
}

template <class Method, class F>
void RunAsync(const F& handler, const std::shared_ptr<Exchange>& exchange, Payload request) {
  if constexpr (kOneRequest<Method>) {
    auto decoded = TakeMessage<typename Method::Request>(std::move(request));
    if (!decoded.ok()) {
      return exchange->Finish(
          absl::InternalError(absl::StrCat("malformed request: ", decoded.status().message())),
          std::nullopt);
    }
    handler(ServerCall<Method>(exchange, *std::move(decoded)));
  } else {
    handler(ServerCall<Method>(exchange));
  }
}

template <class Method, class F>
void RunPlain(const F& handler, const std::shared_ptr<Exchange>& exchange, Payload request,
              RequestPool<typename Method::Request>& pool) {
  Invocation<Method> invocation(exchange, std::move(request), pool);
  if (invocation.DecodeRequest(true)) invocation.Finish(invocation.Run(handler));
}

template <class Method, class F>
Handler MakeHandler(const Method& method, F handler) {
  static_assert(AsyncHandler<Method, F> || DirectHandler<Method, F>,
                "parley: this handler takes neither the arguments of its method's kind "
                "(see Server::Register) nor one ServerCall, or can't be called as const");
  static_assert(!(AsyncHandler<Method, F> && DirectHandler<Method, F>),
                "parley: this handler takes both the arguments of its method's kind and a "
                "ServerCall; spell its parameter types out");
  const auto bind = [&](auto run) {
    return Handler{Method::kKind, std::string(method.path), std::move(run)};
  };
  if constexpr (AsyncHandler<Method, F>) {
    return bind([f = std::move(handler)](const std::shared_ptr<Exchange>& exchange, Payload q) {
      RunAsync<Method>(f, exchange, std::move(q));
    });
  } else {
    auto pool = std::make_shared<RequestPool<typename Method::Request>>();
    using Result = typename HandlerForm<Method, F>::Result;
    using Returned = typename HandlerForm<Method, F>::type;
    if constexpr (Awaitable<Returned>) {
      static_assert(std::is_convertible_v<Awaited<Returned>, Result>,
                    "parley: this coroutine handler does not result in what its method's kind asks "
                    "for (see Server::Register)");
      static_assert(
          !std::is_same_v<Awaited<Returned>, absl::Status> || std::is_same_v<Result, absl::Status>,
          "parley: OK without a response can't be said: result in absl::StatusOr of the "
          "response, not in absl::Status");
      return bind(
          [f = std::move(handler), pool](const std::shared_ptr<Exchange>& exchange, Payload q) {
            RunCoroutine<Method>(f, exchange, std::move(q), pool);
          });
    } else {
      static_assert(std::is_convertible_v<Returned, Result>,
                    "parley: this handler does not return what its method's kind asks for "
                    "(see Server::Register)");
      static_assert(!std::is_same_v<Returned, absl::Status> || std::is_same_v<Result, absl::Status>,
                    "parley: OK without a response can't be said: return absl::StatusOr of the "
                    "response, not absl::Status");
      return bind(
          [f = std::move(handler), pool](const std::shared_ptr<Exchange>& exchange, Payload q) {
            RunPlain<Method>(f, exchange, std::move(q), *pool);
          });
    }
  }
}

}  // namespace parley::detail

#endif  // PARLEY_DETAIL_HANDLER_H_
