// One run of bytes with its owner, laid out so that a wire's own memory (a gRPC slice) becomes one
// without a copy or an allocation, and the other way round.
#ifndef PARLEY_DETAIL_BLOCK_H_
#define PARLEY_DETAIL_BLOCK_H_

#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

#include "parley/detail/export.h"

namespace parley::detail {

// How an owner of bytes is shared and let go. `owner` may be used from any thread.
struct OwnerOps {
  void (*ref)(void* owner);
  void (*unref)(void* owner);
};

// Bytes and a share in their owner; up to kInlineBytes live in the block itself and have none.
class Block {
 public:
  static constexpr std::size_t kInlineBytes = 24;

  Block() : ops_(nullptr), owner_(nullptr), size_(0), data_(nullptr) {}

  // Takes over one reference of `owner`.
  Block(const OwnerOps* ops, void* owner, const char* data, std::size_t size)
      : ops_(ops), owner_(owner), size_(size), data_(data) {}

  // Room for `size` <= kInlineBytes bytes inside the block.
  static Block Inline(std::size_t size) {
    Block block;
    block.size_ = size;
    return block;
  }

  Block(const Block& other) { CopyFrom(other), Ref(); }
  Block(Block&& other) noexcept { CopyFrom(other), other.Forget(); }
  Block& operator=(Block other) noexcept {
    Unref();
    CopyFrom(other);
    other.Forget();
    return *this;
  }
  ~Block() { Unref(); }

  const char* data() const { return ops_ != nullptr ? data_ : inline_; }
  char* mutable_data() { return const_cast<char*>(data()); }
  std::size_t size() const { return size_; }
  std::string_view view() const { return {data(), size_}; }

  // `size` bytes at `data`, which lie in this block, as a block of their own that shares the owner.
  Block Part(const char* data, std::size_t size) const {
    Block part = *this;
    part.size_ = size;
    if (ops_ != nullptr) {
      part.data_ = data;
    } else {
      std::memmove(part.inline_, part.inline_ + (data - inline_), size);
    }
    return part;
  }

  const OwnerOps* ops() const { return ops_; }
  void* owner() const { return owner_; }

 private:
  void CopyFrom(const Block& other) { std::memcpy(static_cast<void*>(this), &other, sizeof *this); }
  void Forget() { ops_ = nullptr, size_ = 0; }
  void Ref() {
    if (ops_ != nullptr) ops_->ref(owner_);
  }
  void Unref() {
    if (ops_ != nullptr) ops_->unref(owner_);
  }

  const OwnerOps* ops_;
  void* owner_;
  std::size_t size_;
  union {
    const char* data_;
    char inline_[kInlineBytes];
  };
};

// Makes a block of `size` writable bytes; a wire passes its own so that encoding writes where it
// will send from.
using AllocateBlock = Block (*)(std::size_t size);
PARLEY_EXPORT Block AllocateHeapBlock(std::size_t size);

}  // namespace parley::detail

#endif  // PARLEY_DETAIL_BLOCK_H_
