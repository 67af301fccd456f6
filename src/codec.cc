#include "parley/codec.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream.h"

namespace parley::detail {
namespace {

// A buffer's pieces, as protobuf reads them.
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

}  // namespace

absl::Status EncodeProto(const google::protobuf::MessageLite& message, Buffer& out) {
  const std::size_t size = message.ByteSizeLong();
  if (size > std::numeric_limits<int>::max()) {
    return absl::ResourceExhaustedError(absl::StrCat("a ", message.GetTypeName(), " of ", size,
                                                     " bytes is more than protobuf's ",
                                                     std::numeric_limits<int>::max()));
  }
  if (!message.IsInitialized()) {
    return absl::InternalError(absl::StrCat("a ", message.GetTypeName(), " lacks required fields: ",
                                            message.InitializationErrorString()));
  }
  if (size > 0) {
    message.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(out.Allocate(size)));
  }
  return absl::OkStatus();
}

absl::Status DecodeProto(const Buffer& in, google::protobuf::MessageLite& message) {
  bool parsed;
  if (in.pieces().size() == 1) {
    const Block& piece = in.pieces()[0];
    parsed = piece.size() <= std::numeric_limits<int>::max() &&
             message.ParseFromArray(piece.data(), static_cast<int>(piece.size()));
  } else {
    PieceStream stream(in.pieces());
    parsed = message.ParseFromZeroCopyStream(&stream);
  }
  if (parsed) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(in.size_bytes(), " bytes that are no ", message.GetTypeName()));
}

}  // namespace parley::detail
