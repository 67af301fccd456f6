// What forms a handler may have, told by the types of its arguments and of its result.
#ifndef PARLEY_DETAIL_HANDLER_FORM_H_
#define PARLEY_DETAIL_HANDLER_FORM_H_

#include <concepts>
#include <coroutine>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "parley/context.h"
#include "parley/method.h"
#include "parley/reader.h"
#include "parley/server_call.h"
#include "parley/writer.h"

namespace parley::detail {

// What a plain or coroutine handler of Method is called with, and what it results in.
template <class Method, class F>
struct HandlerForm;
template <class Q, class A, class F>
struct HandlerForm<Unary<Q, A>, F> : std::invoke_result<const F&, Context&, const Q&> {
  using Result = absl::StatusOr<A>;
};
template <class Q, class A, class F>
struct HandlerForm<ServerStreaming<Q, A>, F>
    : std::invoke_result<const F&, Context&, const Q&, Writer<A>&> {
  using Result = absl::Status;
};
template <class Q, class A, class F>
struct HandlerForm<ClientStreaming<Q, A>, F> : std::invoke_result<const F&, Context&, Reader<Q>&> {
  using Result = absl::StatusOr<A>;
};
template <class Q, class A, class F>
struct HandlerForm<Bidi<Q, A>, F> : std::invoke_result<const F&, Context&, Reader<Q>&, Writer<A>&> {
  using Result = absl::Status;
};

template <class Method>
inline constexpr bool kOneRequest =
    Method::kKind == MethodKind::kUnary || Method::kKind == MethodKind::kServerStreaming;

template <class Method, class F>
concept AsyncHandler = std::invocable<const F&, ServerCall<Method>>;
template <class Method, class F>
concept DirectHandler = requires {
  typename HandlerForm<Method, F>::type;
};

// What `co_await t` results in.
template <class T>
decltype(auto) AwaiterOf(T&& awaitable) {
  if constexpr (requires { std::forward<T>(awaitable).operator co_await(); }) {
    return std::forward<T>(awaitable).operator co_await();
  } else if constexpr (requires { operator co_await(std::forward<T>(awaitable)); }) {
    return operator co_await(std::forward<T>(awaitable));
  } else {
    return std::forward<T>(awaitable);
  }
}
template <class T>
concept Awaitable = requires(T t) {
  AwaiterOf(std::move(t)).await_resume();
};
template <Awaitable T>
using Awaited = std::remove_cvref_t<decltype(AwaiterOf(std::declval<T>()).await_resume())>;

}  // namespace parley::detail

#endif  // PARLEY_DETAIL_HANDLER_FORM_H_
