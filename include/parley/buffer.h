// The bytes of one message: a short list of pieces, each a pointer, a size and whatever keeps them
// alive. Codecs fill and read buffers; wires pass them on without copying.
#ifndef PARLEY_BUFFER_H_
#define PARLEY_BUFFER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "parley/detail/block.h"
#include "parley/detail/export.h"

namespace parley {

// An encoded message.
//
// Example:  std::memcpy(buffer.Allocate(text.size()), text.data(), text.size());
// Threads:  external synchronisation; the bytes of an appended reference must not change while any
//           copy lives.
// Lifetime: copies share the pieces' memory, which is freed with the last of them, on any thread.
class PARLEY_EXPORT Buffer {
 public:
  Buffer() = default;
  explicit Buffer(detail::AllocateBlock allocate) : allocate_(allocate) {}
  // Internal: of one piece.
  explicit Buffer(detail::Block piece) : only_(std::move(piece)) {}
  Buffer(const Buffer& other);
  // What was moved from is empty.
  Buffer(Buffer&& other) noexcept = default;
  Buffer& operator=(Buffer other) noexcept {
    only_ = std::move(other.only_);
    many_ = std::move(other.many_);
    allocate_ = other.allocate_;
    return *this;
  }

  // Appends `size` writable bytes in one piece and returns them; they are valid until the buffer is
  // next changed, moved or destroyed.
  char* Allocate(std::size_t size_bytes);

  // Appends a copy of `bytes`.
  void Append(std::string_view bytes);

  // Appends `bytes` by reference: not copied on the way to the socket; `owner` is released when
  // nobody needs them.
  void AppendReference(std::string_view bytes, std::shared_ptr<const void> owner);

  // Appends a piece of a received message or of another buffer, sharing its memory.
  void AppendPiece(detail::Block piece);

  std::size_t size_bytes() const { return many_ != nullptr ? many_->size_bytes : only_.size(); }
  absl::Span<const detail::Block> pieces() const {
    if (many_ != nullptr) return many_->pieces;
    return {&only_, only_.size() > 0 ? std::size_t{1} : 0};
  }

  // `size_bytes` bytes from `offset_bytes` on, sharing the memory.
  // REQUIRES: the buffer has them.
  Buffer Part(std::size_t offset_bytes, std::size_t size_bytes) const;

  // All bytes in one run: the buffer's own memory where it is one piece, else a copy placed in
  // `scratch`.
  std::string_view Flatten(std::string& scratch) const;

  // A copy of all bytes.
  std::string ToString() const;

 private:
  struct Pieces {
    std::vector<detail::Block> pieces;
    std::size_t size_bytes;
  };

  detail::Block& Add(detail::Block piece);

  // A message is one piece, as a rule, and is moved many times on its way.
  detail::Block only_;
  std::unique_ptr<Pieces> many_;  // all of them, where there are several
  detail::AllocateBlock allocate_ = detail::AllocateHeapBlock;
};

}  // namespace parley

#endif  // PARLEY_BUFFER_H_
