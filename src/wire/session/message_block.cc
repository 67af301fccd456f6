#include "src/wire/session/message_block.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <utility>

#include "src/counted_owner.h"
#include "src/wire/grpc/convert.h"

namespace parley::detail {
namespace {

// What a message that waits keeps from being freed.
constexpr std::size_t kChunkBytes = 4096;
constexpr std::size_t kShortBytes = 512;

constexpr std::size_t kAlignment = alignof(std::max_align_t);

struct Chunk {
  std::atomic<int> references = 1;
  alignas(kAlignment) char bytes[kChunkBytes - kAlignment];
};

constexpr const OwnerOps& kChunkOps = kCountedOps<Chunk>;

// A thread's chunk, from which it takes parts.
class Chunks {
 public:
  ~Chunks() {
    if (chunk_ != nullptr) kChunkOps.unref(std::exchange(chunk_, nullptr));
  }
  Block Take(std::size_t size) {
    if (chunk_ == nullptr || sizeof chunk_->bytes - used_ < size) {
      if (chunk_ != nullptr) kChunkOps.unref(chunk_);
      chunk_ = new Chunk;
      used_ = 0;
    }
    kChunkOps.ref(chunk_);
    const char* const begin = chunk_->bytes + used_;
    used_ =
        std::min(sizeof chunk_->bytes, used_ + (size + kAlignment - 1) / kAlignment * kAlignment);
    return Block(&kChunkOps, chunk_, begin, size);
  }

 private:
  Chunk* chunk_ = nullptr;
  std::size_t used_ = 0;
};

thread_local Chunks chunks;

Block AllocateShort(std::size_t size) {
  return size <= Block::kInlineBytes ? Block::Inline(size) : chunks.Take(size);
}

}  // namespace

Block AllocateMessageBlock(std::size_t size) {
  return size <= kShortBytes ? AllocateShort(size) : AllocateSlice(size);
}

Block AllocateCopyBlock(std::size_t size) {
  return size <= kShortBytes ? AllocateShort(size) : AllocateHeapBlock(size);
}

}  // namespace parley::detail
