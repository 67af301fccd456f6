#include "src/kserve/infer_fields.h"

#include <cstdint>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"
#include "src/piece_stream.h"
#include "src/utf8.h"

namespace parley::kserve {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// Of one message's inputs, requested outputs, raw contents, and of all parameters together; and of the
// pieces that contents, or a response, may come in.
constexpr std::size_t kMostParts = 4096;
constexpr std::size_t kMostShown = 64;

constexpr int kVarint = WireFormatLite::WIRETYPE_VARINT;
constexpr int kFixed64 = WireFormatLite::WIRETYPE_FIXED64;
constexpr int kLengthDelimited = WireFormatLite::WIRETYPE_LENGTH_DELIMITED;

// A field's number and wire type, for a switch.
constexpr std::uint32_t Tag(int field, int wire_type) {
  return static_cast<std::uint32_t>(field) << 3 | static_cast<std::uint32_t>(wire_type);
}

absl::Status CheckCount(std::size_t count, const std::string& what) {
  if (count < kMostParts) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("more than ", kMostParts, " ", what));
}

class FieldReader {
 public:
  FieldReader(const Buffer& in, std::string_view message)
      : in_(in), message_(message), pieces_(in.pieces()), stream_(&pieces_) {}

  // Calls `read(tag)` for each field of the whole message.
  template <class F>
  absl::Status Message(F&& read) {
    while (const std::uint32_t tag = stream_.ReadTag()) {
      if (absl::Status status = read(tag); !status.ok()) return status;
    }
    return stream_.ConsumedEntireMessage() ? absl::OkStatus() : Malformed();
  }
  // The same for a message that is a field.
  template <class F>
  absl::Status Submessage(F&& read) {
    std::uint32_t size_bytes;
    if (!ReadLength(size_bytes)) return Malformed();
    const CodedInputStream::Limit limit = stream_.PushLimit(static_cast<int>(size_bytes));
    while (const std::uint32_t tag = stream_.ReadTag()) {
      if (absl::Status status = read(tag); !status.ok()) return status;
    }
    const bool whole = stream_.ConsumedEntireMessage() && stream_.BytesUntilLimit() == 0;
    stream_.PopLimit(limit);
    return whole ? absl::OkStatus() : Malformed();
  }

  absl::Status String(std::string_view what, std::string& out) {
    if (!ReadText(out)) return Malformed();
    if (detail::IsUtf8(out)) return absl::OkStatus();
    out.clear();
    return absl::InvalidArgumentError(absl::StrCat(std::string(what), " is not valid UTF-8"));
  }
  // Empty if it is no UTF-8.
  absl::Status StringIfAny(std::string& out) {
    if (!ReadText(out)) return Malformed();
    if (!detail::IsUtf8(out)) out.clear();
    return absl::OkStatus();
  }
  // By reference.
  absl::Status Bytes(Buffer& out) {
    std::uint32_t size_bytes;
    if (!ReadLength(size_bytes)) return Malformed();
    const auto position = static_cast<std::size_t>(stream_.CurrentPosition());
    if (!HasBytes(size_bytes) || !stream_.Skip(static_cast<int>(size_bytes))) return Malformed();
    const Buffer part = in_.Part(position, size_bytes);
    for (const detail::Block& piece : part.pieces()) out.AppendPiece(piece);
    return absl::OkStatus();
  }
  absl::Status Varint(std::uint64_t& out) {
    return stream_.ReadVarint64(&out) ? absl::OkStatus() : Malformed();
  }
  // Calls `add` for each number of a packed field.
  template <class F>
  absl::Status Packed(F&& add) {
    std::uint32_t size_bytes;
    if (!ReadLength(size_bytes)) return Malformed();
    const CodedInputStream::Limit limit = stream_.PushLimit(static_cast<int>(size_bytes));
    while (stream_.BytesUntilLimit() > 0) {
      std::uint64_t number;
      if (!stream_.ReadVarint64(&number)) return Malformed();
      if (absl::Status status = add(number); !status.ok()) return status;
    }
    stream_.PopLimit(limit);
    return absl::OkStatus();
  }
  absl::Status Fixed64(std::uint64_t& out) {
    return stream_.ReadLittleEndian64(&out) ? absl::OkStatus() : Malformed();
  }
  absl::Status Skip(std::uint32_t tag) {
    // No field has number 0; SkipField does not mind.
    return WireFormatLite::GetTagFieldNumber(tag) != 0 && WireFormatLite::SkipField(&stream_, tag)
               ? absl::OkStatus()
               : Malformed();
  }
  absl::Status Malformed() const {
    return absl::InvalidArgumentError(absl::StrCat("bytes that are no ", std::string(message_)));
  }

 private:
  bool ReadText(std::string& out) {
    std::uint32_t size_bytes;
    // Nothing is allocated for bytes before they are known to be there.
    return ReadLength(size_bytes) && HasBytes(size_bytes) &&
           stream_.ReadString(&out, static_cast<int>(size_bytes));
  }
  bool ReadLength(std::uint32_t& size_bytes) {
    if (!stream_.ReadVarint32(&size_bytes) || size_bytes > kMostMessageBytes) return false;
    const int left = stream_.BytesUntilLimit();  // of the message around it; -1 if there is none
    return left < 0 || size_bytes <= static_cast<std::uint32_t>(left);
  }
  bool HasBytes(std::size_t size_bytes) const {
    return size_bytes <= in_.size_bytes() - static_cast<std::size_t>(stream_.CurrentPosition());
  }

  const Buffer& in_;
  const std::string_view message_;
  detail::PieceStream pieces_;
  CodedInputStream stream_;
};

class InferReader {
 public:
  InferReader(const Buffer& in, const InferLayout& layout, InferFields& fields)
      : reader_(in, layout.message), layout_(layout), fields_(fields) {}

  absl::Status Read() {
    return reader_.Message([this](std::uint32_t tag) {
      if (tag == Tag(kModelName, kLengthDelimited)) {
        return reader_.String("model_name", fields_.model_name);
      }
      if (tag == Tag(kModelVersion, kLengthDelimited)) {
        return reader_.String("model_version", fields_.model_version);
      }
      if (tag == Tag(kId, kLengthDelimited)) return reader_.String("id", fields_.id);
      if (tag == Tag(kParameters, kLengthDelimited)) return ReadParameter(fields_.parameters);
      if (tag == Tag(layout_.tensors, kLengthDelimited)) return ReadTensor();
      if (tag == Tag(layout_.requested, kLengthDelimited) && layout_.requested != 0) {
        return ReadRequested();
      }
      if (tag == Tag(layout_.raw, kLengthDelimited)) return ReadRaw();
      return reader_.Skip(tag);
    });
  }

 private:
  absl::Status ReadTensor() {
    if (absl::Status status =
            CheckCount(fields_.tensors.size(), absl::StrCat(std::string(layout_.tensor), "s"));
        !status.ok()) {
      return status;
    }
    TensorFields& tensor = fields_.tensors.emplace_back();
    return reader_.Submessage([&](std::uint32_t tag) {
      std::uint64_t number;
      switch (tag) {
        case Tag(kTensorName, kLengthDelimited):
          return reader_.String("a tensor's name", tensor.name);
        case Tag(kTensorType, kLengthDelimited):
          return reader_.String("a tensor's datatype", tensor.type);
        case Tag(kTensorShape, kLengthDelimited):
          return ReadShape(tensor.shape);
        case Tag(kTensorShape, kVarint): {
          absl::Status status = reader_.Varint(number);
          return status.ok() ? AddDimension(number, tensor.shape) : status;
        }
        case Tag(kTensorParameters, kLengthDelimited):
          return ReadParameter(tensor.parameters);
        case Tag(kTensorContents, kLengthDelimited):
          return ReadContents(tensor);
        default:
          return reader_.Skip(tag);
      }
    });
  }

  absl::Status AddDimension(std::uint64_t dimension, Shape& shape) const {
    if (shape.size() == Tensor::kMostDimensions) {
      return absl::InvalidArgumentError(absl::StrCat("an ", std::string(layout_.tensor),
                                                     " of more than ", Tensor::kMostDimensions,
                                                     " dimensions"));
    }
    shape.push_back(static_cast<std::int64_t>(dimension));
    return absl::OkStatus();
  }

  absl::Status ReadShape(Shape& shape) {
    return reader_.Packed([&](std::uint64_t dimension) { return AddDimension(dimension, shape); });
  }

  // Contents that come more than once are one message: protobuf merges them.
  absl::Status ReadContents(TensorFields& tensor) {
    tensor.has_contents = true;
    absl::Status status = CheckCount(contents_++, "contents");
    return status.ok() ? reader_.Bytes(tensor.contents) : status;
  }

  absl::Status ReadRequested() {
    if (absl::Status status = CheckCount(fields_.requested.size(), "requested outputs");
        !status.ok()) {
      return status;
    }
    RequestedOutput& output = fields_.requested.emplace_back();
    return reader_.Submessage([&](std::uint32_t tag) {
      switch (tag) {
        case Tag(kOutputName, kLengthDelimited):
          return reader_.String("a requested output's name", output.name);
        case Tag(kOutputParameters, kLengthDelimited):
          return ReadParameter(output.parameters);
        default:
          return reader_.Skip(tag);
      }
    });
  }

  absl::Status ReadRaw() {
    absl::Status status = CheckCount(fields_.raw.size(), "raw contents");
    return status.ok() ? reader_.Bytes(fields_.raw.emplace_back()) : status;
  }

  // An entry of a map.
  absl::Status ReadParameter(Parameters& parameters) {
    if (absl::Status status = CheckCount(parameters_++, "parameters"); !status.ok()) return status;
    std::string key;
    Parameter value;
    absl::Status status = reader_.Submessage([&](std::uint32_t tag) {
      switch (tag) {
        case Tag(kKey, kLengthDelimited):
          return reader_.String("a parameter's name", key);
        case Tag(kValue, kLengthDelimited):
          return reader_.Submessage(
              [&](std::uint32_t choice) { return ReadChoice(choice, value); });
        default:
          return reader_.Skip(tag);
      }
    });
    if (status.ok()) parameters.insert_or_assign(std::move(key), std::move(value));
    return status;
  }

  absl::Status ReadChoice(std::uint32_t tag, Parameter& value) {
    std::uint64_t number = 0;
    absl::Status status;
    switch (tag) {
      case Tag(1, kVarint):
        status = reader_.Varint(number);
        value = number != 0;
        return status;
      case Tag(2, kVarint):
        status = reader_.Varint(number);
        value = static_cast<std::int64_t>(number);
        return status;
      case Tag(3, kLengthDelimited):
        return reader_.String("a parameter", value.emplace<std::string>());
      case Tag(4, kFixed64):
        status = reader_.Fixed64(number);
        value = WireFormatLite::DecodeDouble(number);
        return status;
      case Tag(5, kVarint):
        status = reader_.Varint(number);
        value = number;
        return status;
      default:
        return reader_.Skip(tag);
    }
  }

  FieldReader reader_;
  const InferLayout& layout_;
  InferFields& fields_;
  std::size_t parameters_ = 0;
  std::size_t contents_ = 0;
};

}  // namespace

std::string Shown(const std::string& text) {
  return absl::StrCat("\"", absl::CEscape(text.substr(0, kMostShown)), "\"");
}

absl::Status ReadInferFields(const Buffer& in, const InferLayout& layout, InferFields& fields) {
  return InferReader(in, layout, fields).Read();
}

void ReadNames(const Buffer& in, InferRequest& request) {
  FieldReader reader(in, kRequestLayout.message);
  (void)reader.Message([&](std::uint32_t tag) {
    switch (tag) {
      case Tag(kModelName, kLengthDelimited):
        return reader.StringIfAny(request.model_name);
      case Tag(kModelVersion, kLengthDelimited):
        return reader.StringIfAny(request.model_version);
      case Tag(kId, kLengthDelimited):
        return reader.StringIfAny(request.id);
      default:
        return reader.Skip(tag);
    }
  });
}

absl::Status ReadStreamFields(const Buffer& in, std::string& error_message, Buffer& response) {
  FieldReader reader(in, "ModelStreamInferResponse");
  std::size_t parts = 0;
  return reader.Message([&](std::uint32_t tag) {
    switch (tag) {
      case Tag(kErrorMessage, kLengthDelimited):
        return reader.String("error_message", error_message);
      case Tag(kInferResponse, kLengthDelimited): {
        absl::Status status = CheckCount(parts++, "parts of one response");
        return status.ok() ? reader.Bytes(response) : status;
      }
      default:
        return reader.Skip(tag);
    }
  });
}

}  // namespace parley::kserve
