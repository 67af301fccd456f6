#include "parley/buffer.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "src/counted_owner.h"

namespace parley {
namespace detail {
namespace {

// In front of the bytes of a block from the heap.
struct HeapHeader {
  static void operator delete(void* memory) { ::operator delete(memory); }
  std::atomic<int> references = 1;
};

// An application's owner of bytes that were appended by reference.
struct SharedOwner {
  std::atomic<int> references = 1;
  std::shared_ptr<const void> owner;
};

}  // namespace

Block AllocateHeapBlock(std::size_t size) {
  if (size <= Block::kInlineBytes) return Block::Inline(size);
  // Aligned for any type, after the header.
  constexpr std::size_t kOffset = alignof(std::max_align_t);
  static_assert(sizeof(HeapHeader) <= kOffset);
  void* memory = ::operator new(kOffset + size);
  return Block(&kCountedOps<HeapHeader>, new (memory) HeapHeader,
               static_cast<char*>(memory) + kOffset, size);
}

}  // namespace detail

Buffer::Buffer(const Buffer& other)
    : only_(other.only_),
      many_(other.many_ ? std::make_unique<Pieces>(*other.many_) : nullptr),
      allocate_(other.allocate_) {}

detail::Block& Buffer::Add(detail::Block piece) {
  if (pieces().empty()) return only_ = std::move(piece);
  if (many_ == nullptr) {
    many_ = std::make_unique<Pieces>();
    many_->size_bytes = only_.size();
    many_->pieces.push_back(std::move(only_));
  }
  many_->size_bytes += piece.size();
  return many_->pieces.emplace_back(std::move(piece));
}

char* Buffer::Allocate(std::size_t size_bytes) { return Add(allocate_(size_bytes)).mutable_data(); }

void Buffer::Append(std::string_view bytes) {
  if (!bytes.empty()) std::memcpy(Allocate(bytes.size()), bytes.data(), bytes.size());
}

void Buffer::AppendReference(std::string_view bytes, std::shared_ptr<const void> owner) {
  auto* shared = new detail::SharedOwner;
  shared->owner = std::move(owner);
  AppendPiece(
      detail::Block(&detail::kCountedOps<detail::SharedOwner>, shared, bytes.data(), bytes.size()));
}

void Buffer::AppendPiece(detail::Block piece) { Add(std::move(piece)); }

Buffer Buffer::Part(std::size_t offset_bytes, std::size_t size_bytes) const {
  Buffer part(allocate_);
  for (const detail::Block& piece : pieces()) {
    if (size_bytes == 0) break;
    if (offset_bytes >= piece.size()) {
      offset_bytes -= piece.size();
      continue;
    }
    const std::size_t taken = std::min(size_bytes, piece.size() - offset_bytes);
    part.AppendPiece(piece.Part(piece.data() + offset_bytes, taken));
    offset_bytes = 0;
    size_bytes -= taken;
  }
  return part;
}

std::string_view Buffer::Flatten(std::string& scratch) const {
  if (many_ == nullptr) return only_.view();
  scratch = ToString();
  return scratch;
}

std::string Buffer::ToString() const {
  std::string bytes;
  bytes.reserve(size_bytes());
  for (const detail::Block& piece : pieces()) bytes.append(piece.view());
  return bytes;
}

}  // namespace parley
