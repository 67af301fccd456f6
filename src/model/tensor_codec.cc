// The message of a tensor, parley.v1.Tensor, by hand: the elements are neither copied nor looked at.
#include <array>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"
#include "parley/model/tensor.h"
#include "src/piece_stream.h"

namespace parley {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;

constexpr std::uint32_t kTypeTag = WireFormatLite::MakeTag(1, WireFormatLite::WIRETYPE_VARINT);
constexpr std::uint32_t kShapeTag =
    WireFormatLite::MakeTag(2, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
constexpr std::uint32_t kOneOfShapeTag =
    WireFormatLite::MakeTag(2, WireFormatLite::WIRETYPE_VARINT);
constexpr std::uint32_t kDataTag =
    WireFormatLite::MakeTag(3, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);

// Of a message, and of each of its parts.
constexpr std::size_t kMostBytes = std::numeric_limits<int>::max();
constexpr std::size_t kMostVarintBytes = 10;
// Tags, lengths and type, and the dimensions.
constexpr std::size_t kMostHeaderBytes = kMostVarintBytes * (3 + Tensor::kMostDimensions);

absl::Status Malformed() {
  return absl::InvalidArgumentError("bytes that are no parley.v1.Tensor");
}

absl::Status AddDimension(std::uint64_t dimension, Shape& shape) {
  if (shape.size() == Tensor::kMostDimensions) {
    return absl::InvalidArgumentError(
        absl::StrCat("a tensor of more than ", Tensor::kMostDimensions, " dimensions"));
  }
  shape.push_back(static_cast<std::int64_t>(dimension));
  return absl::OkStatus();
}

// The fields of a message, as it is read.
class TensorFields {
 public:
  absl::Status Read(const Buffer& in) {
    detail::PieceStream pieces(in.pieces());
    CodedInputStream stream(&pieces);
    while (const std::uint32_t tag = stream.ReadTag()) {
      if (absl::Status status = ReadField(tag, stream); !status.ok()) return status;
    }
    if (!stream.ConsumedEntireMessage()) return Malformed();
    // Of the last one alone: to look each up that there is would take its square in time.
    data = in.Part(data_position_, data_bytes_);
    return absl::OkStatus();
  }

  std::uint64_t type = 0;
  Shape shape;
  Buffer data;

 private:
  absl::Status ReadField(std::uint32_t tag, CodedInputStream& stream) {
    std::uint64_t number;
    switch (tag) {
      case kTypeTag:
        return stream.ReadVarint64(&type) ? absl::OkStatus() : Malformed();
      case kShapeTag:
        return ReadShape(stream);
      case kOneOfShapeTag:
        return stream.ReadVarint64(&number) ? AddDimension(number, shape) : Malformed();
      case kDataTag:
        return ReadData(stream);
      default:
        // No field has number 0; SkipField does not mind.
        return WireFormatLite::GetTagFieldNumber(tag) != 0 &&
                       WireFormatLite::SkipField(&stream, tag)
                   ? absl::OkStatus()
                   : Malformed();
    }
  }

  absl::Status ReadShape(CodedInputStream& stream) {
    std::uint32_t size_bytes;
    if (!stream.ReadVarint32(&size_bytes) || size_bytes > kMostBytes) {
      return Malformed();
    }
    const CodedInputStream::Limit limit = stream.PushLimit(static_cast<int>(size_bytes));
    while (stream.BytesUntilLimit() > 0) {
      std::uint64_t dimension;
      if (!stream.ReadVarint64(&dimension)) return Malformed();
      if (absl::Status status = AddDimension(dimension, shape); !status.ok()) return status;
    }
    stream.PopLimit(limit);
    return absl::OkStatus();
  }

  absl::Status ReadData(CodedInputStream& stream) {
    std::uint32_t size_bytes;
    if (!stream.ReadVarint32(&size_bytes) || size_bytes > kMostBytes) return Malformed();
    data_position_ = static_cast<std::size_t>(stream.CurrentPosition());
    data_bytes_ = size_bytes;
    return stream.Skip(static_cast<int>(size_bytes)) ? absl::OkStatus() : Malformed();
  }

  std::size_t data_position_ = 0;
  std::size_t data_bytes_ = 0;
};

}  // namespace

absl::Status Codec<Tensor>::Encode(const Tensor& value, Buffer& out) {
  if (value.type() == DataType::kInvalid) {
    return absl::InvalidArgumentError("a tensor without a type was to be sent");
  }
  // Protobuf's lengths, and what it reads at most.
  if (value.bytes().size() > kMostBytes - kMostHeaderBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("a tensor of ", value.bytes().size(),
                                                     " bytes; a message has at most ", kMostBytes));
  }
  std::array<std::uint8_t, kMostHeaderBytes> header;
  std::uint8_t* end = CodedOutputStream::WriteVarint32ToArray(kTypeTag, header.data());
  end = CodedOutputStream::WriteVarint32ToArray(static_cast<std::uint32_t>(value.type()), end);
  if (!value.shape().empty()) {
    std::size_t shape_bytes = 0;
    for (const std::int64_t dimension : value.shape()) {
      shape_bytes += CodedOutputStream::VarintSize64(static_cast<std::uint64_t>(dimension));
    }
    end = CodedOutputStream::WriteVarint32ToArray(kShapeTag, end);
    end = CodedOutputStream::WriteVarint32ToArray(static_cast<std::uint32_t>(shape_bytes), end);
    for (const std::int64_t dimension : value.shape()) {
      end = CodedOutputStream::WriteVarint64ToArray(static_cast<std::uint64_t>(dimension), end);
    }
  }
  if (!value.bytes().empty()) {
    end = CodedOutputStream::WriteVarint32ToArray(kDataTag, end);
    end = CodedOutputStream::WriteVarint32ToArray(static_cast<std::uint32_t>(value.bytes().size()),
                                                  end);
  }
  out.Append({reinterpret_cast<const char*>(header.data()),
              static_cast<std::size_t>(end - header.data())});
  value.AppendTo(out);
  return absl::OkStatus();
}

absl::Status Codec<Tensor>::Decode(const Buffer& in, Tensor& out) {
  TensorFields fields;
  if (absl::Status status = fields.Read(in); !status.ok()) return status;
  const auto type = static_cast<DataType>(fields.type);
  if (fields.type > static_cast<std::uint64_t>(DataType::kBf16) || type == DataType::kInvalid) {
    return absl::InvalidArgumentError(absl::StrCat("a tensor of unknown type ", fields.type));
  }
  absl::StatusOr<Tensor> tensor = Tensor::FromBuffer(type, std::move(fields.shape), fields.data);
  if (!tensor.ok()) return tensor.status();
  out = *std::move(tensor);
  return absl::OkStatus();
}

std::size_t Codec<Tensor>::SizeBytes(const Tensor& value) {
  return kMostHeaderBytes + value.bytes().size();
}

}  // namespace parley
