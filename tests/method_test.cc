// Methods as constants of a contract: they hold a path and two types that need not be complete.
#include "parley/method.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace parley {
namespace {

struct Question;  // types may be incomplete where methods are declared
struct Answer;

inline constexpr Unary<Question, Answer> kAsk{"story.Teller/Ask"};
inline constexpr ServerStreaming<Question, Answer> kTell{"story.Teller/Tell"};
inline constexpr ClientStreaming<Question, Answer> kUpload{"story.Teller/Upload"};
inline constexpr Bidi<Question, Answer> kListen{"story.Teller/Listen"};

template <class Method>
constexpr bool IsMethodOf(MethodKind kind) {
  return Method::kKind == kind && std::is_same_v<typename Method::Request, Question> &&
         std::is_same_v<typename Method::Response, Answer> &&
         // Constants that cost nothing, in a header or anywhere.
         std::is_trivially_copyable_v<Method> && std::is_trivially_destructible_v<Method> &&
         std::is_aggregate_v<Method>;
}
static_assert(IsMethodOf<Unary<Question, Answer>>(MethodKind::kUnary));
static_assert(IsMethodOf<ServerStreaming<Question, Answer>>(MethodKind::kServerStreaming));
static_assert(IsMethodOf<ClientStreaming<Question, Answer>>(MethodKind::kClientStreaming));
static_assert(IsMethodOf<Bidi<Question, Answer>>(MethodKind::kBidi));
static_assert(!std::is_convertible_v<Unary<Question, Answer>, Bidi<Question, Answer>>);
static_assert(!std::is_convertible_v<Unary<Question, Answer>, Unary<Answer, Question>>);

TEST(Method, KnowsItsPathAndKindAtCompileTime) {
  static_assert(kAsk.path == "story.Teller/Ask");
  static_assert(kTell.kKind == MethodKind::kServerStreaming);
  static_assert(kUpload.path == "story.Teller/Upload");
  static_assert(kListen.kKind == MethodKind::kBidi);
  SUCCEED();
}

template <class Q, class A>
constexpr MethodKind KindOf(const Unary<Q, A>&) {
  return MethodKind::kUnary;
}
template <class Q, class A>
constexpr MethodKind KindOf(const Bidi<Q, A>&) {
  return MethodKind::kBidi;
}

TEST(Method, ItsTypeChoosesBetweenOverloads) {
  static_assert(KindOf(kAsk) == MethodKind::kUnary);
  static_assert(KindOf(kListen) == MethodKind::kBidi);
  SUCCEED();
}

}  // namespace
}  // namespace parley
