#include "parley/codec.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "src/piece_stream.h"

namespace parley::detail {
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
