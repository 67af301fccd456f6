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
  Buffer(const Buffer& other);
  // What was moved from is empty.
  Buffer(Buffer&& other) noexcept
      : only_(std::move(other.only_)),
        many_(std::move(other.many_)),
        has_only_(std::exchange(other.has_only_, false)),
        size_bytes_(std::exchange(other.size_bytes_, 0)),
        allocate_(other.allocate_) {}
  Buffer& operator=(Buffer other) noexcept {
    only_ = std::move(other.only_);
    many_ = std::move(other.many_);
    has_only_ = other.has_only_;
    size_bytes_ = other.size_bytes_;
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

  std::size_t size_bytes() const { return size_bytes_; }
  absl::Span<const detail::Block> pieces() const {
    if (many_ != nullptr) return *many_;
    return {&only_, has_only_ ? std::size_t{1} : 0};
  }

  // All bytes in one run: the buffer's own memory where it is one piece, else a copy placed in
  // `scratch`.
  std::string_view Flatten(std::string& scratch) const;

  // A copy of all bytes.
  std::string ToString() const;

 private:
  detail::Block& Add(detail::Block piece);

  // A message is one piece, as a rule, and is moved many times on its way.
  detail::Block only_;
  std::unique_ptr<std::vector<detail::Block>> many_;  // all of them, where there are several
  bool has_only_ = false;
  std::size_t size_bytes_ = 0;
  detail::AllocateBlock allocate_ = detail::AllocateHeapBlock;
};

}  // namespace parley

#endif  // PARLEY_BUFFER_H_
