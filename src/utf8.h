// Whether a text is UTF-8, as protobuf demands of every string.
#ifndef PARLEY_SRC_UTF8_H_
#define PARLEY_SRC_UTF8_H_

#include <cstddef>
#include <string_view>

namespace parley::detail {

// No overlong forms, no surrogates, nothing beyond U+10FFFF: the table of RFC 3629, section 4.
inline bool IsUtf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto at = [&](std::size_t j) {
      return j < text.size() ? static_cast<unsigned char>(text[j]) : 0U;
    };
    const auto is_tail = [&](std::size_t j) { return at(j) >> 6 == 0b10; };
    const unsigned first = at(i);
    const unsigned second = at(i + 1);
    if (first < 0x80) {
      i += 1;
    } else if (first >= 0xC2 && first <= 0xDF && is_tail(i + 1)) {
      i += 2;
    } else if (first >= 0xE0 && first <= 0xEF && is_tail(i + 1) && is_tail(i + 2) &&
               (first != 0xE0 || second >= 0xA0) && (first != 0xED || second <= 0x9F)) {
      i += 3;
    } else if (first >= 0xF0 && first <= 0xF4 && is_tail(i + 1) && is_tail(i + 2) &&
               is_tail(i + 3) && (first != 0xF0 || second >= 0x90) &&
               (first != 0xF4 || second <= 0x8F)) {
      i += 4;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace parley::detail

#endif  // PARLEY_SRC_UTF8_H_
