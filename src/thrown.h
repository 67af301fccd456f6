// What an application's function threw, in words for the log; its text is never sent to a peer.
#ifndef PARLEY_SRC_THROWN_H_
#define PARLEY_SRC_THROWN_H_

#include <exception>
#include <optional>
#include <string>

namespace parley::detail {

// REQUIRES: `thrown` is not null.
inline std::string WhatOf(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "an exception that is not a std::exception";
  }
}

// Calls `function`. None if it did not throw.
template <class F>
std::optional<std::string> ThrownBy(F&& function) {
  try {
    function();
  } catch (...) {
    return WhatOf(std::current_exception());
  }
  return std::nullopt;
}

}  // namespace parley::detail

#endif  // PARLEY_SRC_THROWN_H_
