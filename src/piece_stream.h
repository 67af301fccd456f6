// A buffer's pieces, as protobuf reads them.
#ifndef PARLEY_SRC_PIECE_STREAM_H_
#define PARLEY_SRC_PIECE_STREAM_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "absl/types/span.h"
#include "google/protobuf/io/zero_copy_stream.h"
#include "parley/detail/block.h"

namespace parley::detail {

class PieceStream final : public google::protobuf::io::ZeroCopyInputStream {
 public:
  explicit PieceStream(absl::Span<const Block> pieces) : pieces_(pieces) {}

  bool Next(const void** data, int* size) override {
    while (piece_ < pieces_.size() && offset_ == pieces_[piece_].size()) ++piece_, offset_ = 0;
    if (piece_ == pieces_.size()) return false;
    const Block& piece = pieces_[piece_];
    const std::size_t left =
        std::min<std::size_t>(piece.size() - offset_, std::numeric_limits<int>::max());
    *data = piece.data() + offset_;
    *size = static_cast<int>(left);
    offset_ += left;
    count_ += *size;
    return true;
  }
  void BackUp(int count) override {
    offset_ -= static_cast<std::size_t>(count);
    count_ -= count;
  }
  bool Skip(int count) override {
    const void* data;
    int size;
    while (count > 0) {
      if (!Next(&data, &size)) return false;
      if (size > count) {
        BackUp(size - count);
        return true;
      }
      count -= size;
    }
    return true;
  }
  int64_t ByteCount() const override { return count_; }

 private:
  const absl::Span<const Block> pieces_;
  std::size_t piece_ = 0;
  std::size_t offset_ = 0;
  int64_t count_ = 0;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_PIECE_STREAM_H_
