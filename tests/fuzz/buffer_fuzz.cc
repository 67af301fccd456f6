// Buffers, and strings that are told the same: whatever is appended, copied, moved and shared, a
// buffer is the same bytes.
#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include "parley/buffer.h"
#include "tests/fuzz/fuzz_input.h"

using parley::Buffer;
using parley::fuzz::Expect;

namespace {

struct Pair {
  Buffer buffer;
  std::string text;
};

void Check(const Pair& pair) {
  Expect(pair.buffer.size_bytes() == pair.text.size(), "size_bytes");
  Expect(pair.buffer.ToString() == pair.text, "ToString");
  std::string scratch = "before";
  Expect(pair.buffer.Flatten(scratch) == pair.text, "Flatten");
  std::string joined;
  for (const parley::detail::Block& piece : pair.buffer.pieces()) joined.append(piece.view());
  Expect(joined == pair.text, "pieces");
}

// Copies each byte to a place of its own, so that reading beyond it is noticed.
std::shared_ptr<char[]> OwnCopy(std::string_view bytes) {
  std::shared_ptr<char[]> copy(new char[bytes.size()]);
  std::copy(bytes.begin(), bytes.end(), copy.get());
  return copy;
}

void Step(parley::fuzz::Input& input, Pair& pair, Pair& other) {
  const std::uint8_t kind = input.Byte();
  const std::string_view bytes = input.Bytes(input.Byte());
  switch (kind % 9) {
    case 0:
      pair.buffer.Append(bytes);
      pair.text.append(bytes);
      break;
    case 1:
      std::copy(bytes.begin(), bytes.end(), pair.buffer.Allocate(bytes.size()));
      pair.text.append(bytes);
      break;
    case 2: {
      const std::shared_ptr<char[]> owner = OwnCopy(bytes);
      pair.buffer.AppendReference({owner.get(), bytes.size()}, owner);
      pair.text.append(bytes);
      break;
    }
    case 3: {
      if (pair.text.size() + other.text.size() > 100'000) break;
      const Buffer pieces = other.buffer;  // which may be the same
      for (const parley::detail::Block& piece : pieces.pieces()) pair.buffer.AppendPiece(piece);
      pair.text += std::string(other.text);
      break;
    }
    case 4: {
      const Buffer copy(other.buffer);
      pair.buffer = copy;
      pair.text = other.text;
      break;
    }
    case 5: {
      Buffer moved(std::move(other.buffer));
      std::string text = std::exchange(other.text, "");
      Check(other);  // what was moved from is empty
      pair.buffer = std::move(moved);
      pair.text = std::move(text);
      break;
    }
    case 6:
      pair = Pair();
      break;
    case 7: {
      Buffer& self = pair.buffer;
      pair.buffer = self;
      break;
    }
    default: {
      std::swap(pair.buffer, other.buffer);
      std::swap(pair.text, other.text);
      break;
    }
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parley::fuzz::Input input(data, std::min<std::size_t>(size, 4096));
  std::array<Pair, 3> pairs;
  while (!input.empty()) {
    const std::uint8_t which = input.Byte();
    Step(input, pairs[which % 3], pairs[which / 3 % 3]);
    for (const Pair& pair : pairs) Check(pair);
  }
  return 0;
}
