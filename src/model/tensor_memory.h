// Memory that tensors allocate for their elements.
#ifndef PARLEY_SRC_MODEL_TENSOR_MEMORY_H_
#define PARLEY_SRC_MODEL_TENSOR_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "parley/detail/block.h"

namespace parley::detail {

// Aligned to 64 bytes, shared by the block's copies, never inline in it.
Block AllocateAligned(std::size_t size_bytes);

// In front of each BYTES element: its length.
inline constexpr std::size_t kBytesLengthBytes = sizeof(std::uint32_t);
inline std::uint32_t BytesLengthAt(const char* bytes) {
  std::uint32_t length;
  std::memcpy(&length, bytes, sizeof length);
  return length;
}

}  // namespace parley::detail

#endif  // PARLEY_SRC_MODEL_TENSOR_MEMORY_H_
