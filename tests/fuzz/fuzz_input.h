// How a fuzz target reads what it is fed: small choices first, bytes as they come after. For the
// targets of this folder.
#ifndef PARLEY_TESTS_FUZZ_FUZZ_INPUT_H_
#define PARLEY_TESTS_FUZZ_FUZZ_INPUT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "parley/buffer.h"

namespace parley::fuzz {

// Ends the process, which is what a fuzzer takes for a finding.
inline void Expect(bool ok, const std::string& what) {
  if (ok) return;
  std::fprintf(stderr, "not as it should be: %s\n", what.c_str());
  std::abort();
}

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : bytes_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return bytes_.empty(); }
  // 0 at the end.
  std::uint8_t Byte() {
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<std::uint8_t>(bytes_[0]);
    bytes_.remove_prefix(1);
    return byte;
  }
  // Fewer at the end.
  std::string_view Bytes(std::size_t most) {
    const std::string_view bytes = bytes_.substr(0, most);
    bytes_.remove_prefix(bytes.size());
    return bytes;
  }
  std::string_view Rest() { return Bytes(bytes_.size()); }

 private:
  std::string_view bytes_;
};

// `bytes` in pieces whose sizes `cuts` gives, one after the other and again from the start.
inline Buffer InPieces(std::string_view bytes, std::string_view cuts) {
  Buffer buffer;
  for (std::size_t i = 0; !bytes.empty(); ++i) {
    std::size_t size =
        cuts.empty() ? bytes.size() : static_cast<std::uint8_t>(cuts[i % cuts.size()]);
    // Empty pieces too, but not for ever.
    if (i >= cuts.size() && size == 0) size = 1;
    size = std::min(size, bytes.size());
    char* piece = buffer.Allocate(size);
    std::copy_n(bytes.data(), size, piece);
    bytes.remove_prefix(size);
  }
  return buffer;
}

}  // namespace parley::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

#endif  // PARLEY_TESTS_FUZZ_FUZZ_INPUT_H_
