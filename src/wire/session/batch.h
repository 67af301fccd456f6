// Frames on their way into one message of a session's stream.
#ifndef PARLEY_SRC_WIRE_SESSION_BATCH_H_
#define PARLEY_SRC_WIRE_SESSION_BATCH_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "parley/buffer.h"
#include "src/wire/session/frame.h"

namespace parley::detail {

class Batch {
 public:
  explicit Batch(AllocateBlock allocate) : allocate_(allocate) {}

  // Adds `frame`. Its message lies in `block`, and is copied, or sent from there if it is long.
  void Add(const Frame& frame, const Block* block = nullptr) {
    const FrameSize size(frame);
    const bool copies = frame.message && frame.message->size() <= kMostCopiedBytes;
    char* const begin = Reserve(copies ? size.total() : size.without_message());
    char* end = EncodeFrame(frame, size, begin);
    if (copies && !frame.message->empty()) {
      std::memcpy(end, frame.message->data(), frame.message->size());
      end += frame.message->size();
    }
    used_ += static_cast<std::size_t>(end - begin);
    bytes_ += size.total();
    if (frame.message && !copies) {
      EndPiece();
      buffer_.AppendPiece(block->Part(frame.message->data(), frame.message->size()));
    }
  }

  // The same for the most frequent frame.
  // REQUIRES: its message has at most kMostCopiedBytes
  void Add(const WholeMessage& whole) {
    const std::size_t size = SizeOf(whole);
    EncodeWholeMessage(whole, Reserve(size));
    used_ += size;
    bytes_ += size;
  }

  // Copying this much takes less than sending it as a piece of its own.
  static constexpr std::size_t kMostCopiedBytes = 4096;

  std::size_t bytes() const { return bytes_; }
  bool empty() const { return bytes_ == 0; }

  // All that was added since the last time.
  Buffer Take() {
    EndPiece();
    bytes_ = 0;
    return std::exchange(buffer_, Buffer());
  }

 private:
  // Many small batches are made from one chunk of memory, each from a part of it. The first chunks are
  // small, for sessions that say little.
  static constexpr std::size_t kFirstChunkBytes = 512;
  static constexpr std::size_t kLastChunkBytes = std::size_t{32} << 10;

  char* Reserve(std::size_t size) {
    if (chunk_.size() - used_ < size) {
      EndPiece();
      chunk_ = allocate_(std::max(next_chunk_bytes_, size));
      next_chunk_bytes_ = std::min(2 * next_chunk_bytes_, kLastChunkBytes);
      begin_ = used_ = 0;
    }
    return chunk_.mutable_data() + used_;
  }
  void EndPiece() {
    if (used_ == begin_) return;
    buffer_.AppendPiece(chunk_.Part(chunk_.data() + begin_, used_ - begin_));
    begin_ = used_;
  }

  const AllocateBlock allocate_;
  Block chunk_;
  std::size_t next_chunk_bytes_ = kFirstChunkBytes;
  std::size_t begin_ = 0;  // of the piece that is being filled
  std::size_t used_ = 0;
  Buffer buffer_;
  std::size_t bytes_ = 0;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_SESSION_BATCH_H_
