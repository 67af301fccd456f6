// The four kinds of method. A method is a constant that client and server share: its type says what
// goes in and out, its path is that of a standard gRPC method, so generated stubs in any language
// can call it and be called.
//
//   inline constexpr parley::Unary<Question, Answer> kAsk{"story.Teller/Ask"};
//
// Message types may be incomplete here; Client::Call and Server::Register need them complete.
#ifndef PARLEY_METHOD_H_
#define PARLEY_METHOD_H_

#include <string_view>

namespace parley {

// How many messages go each way.
enum class MethodKind { kUnary, kServerStreaming, kClientStreaming, kBidi };

// One request, one response.
template <class RequestT, class ResponseT>
struct Unary {
  using Request = RequestT;
  using Response = ResponseT;
  static constexpr MethodKind kKind = MethodKind::kUnary;
  // "package.Service/Method"; the characters must outlive the method and every call of it.
  std::string_view path;
};

// One request, any number of responses.
template <class RequestT, class ResponseT>
struct ServerStreaming {
  using Request = RequestT;
  using Response = ResponseT;
  static constexpr MethodKind kKind = MethodKind::kServerStreaming;
  std::string_view path;
};

// Any number of requests, one response.
template <class RequestT, class ResponseT>
struct ClientStreaming {
  using Request = RequestT;
  using Response = ResponseT;
  static constexpr MethodKind kKind = MethodKind::kClientStreaming;
  std::string_view path;
};

// Any number of messages each way, in any order.
template <class RequestT, class ResponseT>
struct Bidi {
  using Request = RequestT;
  using Response = ResponseT;
  static constexpr MethodKind kKind = MethodKind::kBidi;
  std::string_view path;
};

}  // namespace parley

#endif  // PARLEY_METHOD_H_
