// UTF-8 as RFC 3629 has it.
#include "utf8.h"

#include <array>
#include <cstddef>
#include <string_view>

namespace {

constexpr std::size_t kNone = std::string::npos;
constexpr std::size_t kUnfinished = 0;

// How many bytes the character has that `bytes` begins with.
std::size_t CharacterLength(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (byte(0) < 0x80) return 1;
  if (byte(0) < 0xc0 || byte(0) > 0xf7) return kNone;
  const std::size_t length = byte(0) < 0xe0 ? 2 : byte(0) < 0xf0 ? 3 : 4;
  char32_t character = byte(0) & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (i == bytes.size()) return kUnfinished;
    if ((byte(i) & 0xc0) != 0x80) return kNone;
    character = character << 6 | (byte(i) & 0x3fU);
  }
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = character >= 0xd800 && character <= 0xdfff;
  if (character < kSmallest[length] || character > 0x10ffff || is_surrogate) return kNone;
  return length;
}

}  // namespace

std::string TakeCharacters(std::string& bytes) {
  std::string text;
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const std::size_t length = CharacterLength(std::string_view(bytes).substr(taken));
    if (length == kUnfinished) break;
    text += length == kNone ? "\uFFFD" : bytes.substr(taken, length);
    taken += length == kNone ? 1 : length;
  }
  bytes.erase(0, taken);
  return text;
}
