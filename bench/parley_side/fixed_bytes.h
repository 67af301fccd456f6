// A message that needs no heap, with a codec of its own: what is allocated for it is the library's.
// Used by the works whose names end in "_fixed".

#ifndef PARLEY_BENCH_PARLEY_SIDE_FIXED_BYTES_H_
#define PARLEY_BENCH_PARLEY_SIDE_FIXED_BYTES_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "parley/codec.h"

namespace parley_bench {

template <std::size_t kSizeBytes>
struct FixedBytes {
  std::array<char, kSizeBytes> bytes;

  std::string_view view() const { return {bytes.data(), bytes.size()}; }
};

}  // namespace parley_bench

template <std::size_t kSizeBytes>
struct parley::Codec<parley_bench::FixedBytes<kSizeBytes>> {
  using Message = parley_bench::FixedBytes<kSizeBytes>;

  static absl::Status Encode(const Message& message, Buffer& out) {
    out.Append(message.view());
    return absl::OkStatus();
  }
  static absl::Status Decode(const Buffer& in, Message& out) {
    if (in.size_bytes() != kSizeBytes) return absl::InvalidArgumentError("another size");
    std::string scratch;
    const std::string_view bytes = in.Flatten(scratch);
    std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
    return absl::OkStatus();
  }
  static std::size_t SizeBytes(const Message&) { return kSizeBytes; }
};

#endif  // PARLEY_BENCH_PARLEY_SIDE_FIXED_BYTES_H_
