// The methods of these tests: the same paths once with messages and once with raw bytes, so that
// either end can send what the other can't decode. On the local wire the two are different types
// of one method.
#ifndef PARLEY_TESTS_BAD_INPUT_METHODS_H_
#define PARLEY_TESTS_BAD_INPUT_METHODS_H_

#include <string>

#include "bad_input.pb.h"
#include "parley/method.h"
#include "tests/call/any_call.h"

namespace parley::bad_input_test {

template <class T>
inline constexpr Unary<T, T> kUnaryOf{call_test::kUnary.path};
template <class T>
inline constexpr ServerStreaming<T, T> kDownOf{call_test::kDown.path};
template <class T>
inline constexpr ClientStreaming<T, T> kUpOf{call_test::kUp.path};
template <class T>
inline constexpr Bidi<T, T> kBothOf{call_test::kBoth.path};

inline Letter LetterOf(std::string text) {
  Letter letter;
  letter.set_text(std::move(text));
  return letter;
}

}  // namespace parley::bad_input_test

#endif  // PARLEY_TESTS_BAD_INPUT_METHODS_H_
