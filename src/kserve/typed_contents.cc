// Tensors whose elements come by value, as numbers in a message of their own.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"
#include "src/kserve/infer_fields.h"
#include "src/model/tensor_memory.h"

namespace parley::kserve {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// By the numbers of the fields in InferTensorContents.
constexpr std::array<const char*, 9> kFieldNames = {
    "",
    "bool_contents",
    "int_contents",
    "int64_contents",
    "uint_contents",
    "uint64_contents",
    "fp32_contents",
    "fp64_contents",
    "bytes_contents",
};

// 0 if elements of the type can only be sent raw.
int FieldOf(DataType type) {
  switch (type) {
    case DataType::kBool:
      return 1;
    case DataType::kInt8:
    case DataType::kInt16:
    case DataType::kInt32:
      return 2;
    case DataType::kInt64:
      return 3;
    case DataType::kUint8:
    case DataType::kUint16:
    case DataType::kUint32:
      return 4;
    case DataType::kUint64:
      return 5;
    case DataType::kFp32:
      return 6;
    case DataType::kFp64:
      return 7;
    case DataType::kBytes:
      return 8;
    default:
      return 0;
  }
}

absl::Status Malformed() {
  return absl::InvalidArgumentError("contents that are no InferTensorContents");
}

bool ReadElement(CodedInputStream& stream, float& element) {
  std::uint32_t bits;
  if (!stream.ReadLittleEndian32(&bits)) return false;
  element = WireFormatLite::DecodeFloat(bits);
  return true;
}
bool ReadElement(CodedInputStream& stream, double& element) {
  std::uint64_t bits;
  if (!stream.ReadLittleEndian64(&bits)) return false;
  element = WireFormatLite::DecodeDouble(bits);
  return true;
}
template <std::integral T>
bool ReadElement(CodedInputStream& stream, T& element) {
  std::uint64_t number;
  if (!stream.ReadVarint64(&number)) return false;
  if constexpr (std::is_same_v<T, bool>) {
    element = number != 0;
  } else {
    element = static_cast<T>(number);
  }
  return true;
}

template <class T>
constexpr WireFormatLite::WireType kWireType = WireFormatLite::WIRETYPE_VARINT;
template <>
constexpr WireFormatLite::WireType kWireType<float> = WireFormatLite::WIRETYPE_FIXED32;
template <>
constexpr WireFormatLite::WireType kWireType<double> = WireFormatLite::WIRETYPE_FIXED64;

// Calls `element` for each number of the field, which is sent as a `Sent` or many of them. Fields of
// other types that have elements are an error.
template <class Sent, class F>
absl::Status ReadNumbers(std::string_view contents, int field, F&& element) {
  CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(contents.data()),
                          static_cast<int>(contents.size()));
  Sent number{};
  while (const std::uint32_t tag = stream.ReadTag()) {
    const int found = WireFormatLite::GetTagFieldNumber(tag);
    if (found != field) {
      if (found >= 1 && found < static_cast<int>(kFieldNames.size())) {
        return absl::InvalidArgumentError(
            absl::StrCat("it has ", kFieldNames[static_cast<std::size_t>(found)], " in place of ",
                         kFieldNames[static_cast<std::size_t>(field)]));
      }
      if (found == 0 || !WireFormatLite::SkipField(&stream, tag)) return Malformed();
    } else if (WireFormatLite::GetTagWireType(tag) == kWireType<Sent>) {
      if (!ReadElement(stream, number)) return Malformed();
      if (absl::Status status = element(number); !status.ok()) return status;
    } else if (WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      std::uint32_t size_bytes;
      if (!stream.ReadVarint32(&size_bytes) || size_bytes > contents.size()) return Malformed();
      const CodedInputStream::Limit limit = stream.PushLimit(static_cast<int>(size_bytes));
      while (stream.BytesUntilLimit() > 0) {
        if (!ReadElement(stream, number)) return Malformed();
        if (absl::Status status = element(number); !status.ok()) return status;
      }
      stream.PopLimit(limit);
    } else {
      return Malformed();
    }
  }
  return stream.ConsumedEntireMessage() ? absl::OkStatus() : Malformed();
}

absl::Status WrongCount(std::size_t found, const Shape& shape, std::size_t expected) {
  return absl::InvalidArgumentError(absl::StrCat(found, " elements in its contents where shape ",
                                                 ShapeText(shape), " needs ", expected));
}

// Elements of type T, which are sent as type Sent.
template <class T, class Sent>
absl::StatusOr<Tensor> ReadTensor(DataType type, const Shape& shape, std::size_t expected,
                                  std::string_view contents) {
  std::size_t found = 0;
  absl::Status status = ReadNumbers<Sent>(contents, FieldOf(type), [&](Sent number) {
    if (!std::is_same_v<T, Sent> &&
        (number < std::numeric_limits<T>::lowest() || number > std::numeric_limits<T>::max())) {
      return absl::InvalidArgumentError(absl::StrCat("its element ", found, " is ", number,
                                                     ", which is no ",
                                                     std::string(DataTypeName(type))));
    }
    ++found;
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  if (found != expected) return WrongCount(found, shape, expected);
  return Tensor::Make<T>(shape, [&](std::span<T> elements) {
    auto to = elements.begin();
    (void)ReadNumbers<Sent>(contents, FieldOf(type), [&](Sent number) {
      *to++ = static_cast<T>(number);
      return absl::OkStatus();
    });
  });
}

// Calls `element` for each of the BYTES elements.
template <class F>
absl::Status ReadByteStrings(std::string_view contents, F&& element) {
  CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(contents.data()),
                          static_cast<int>(contents.size()));
  const int field = FieldOf(DataType::kBytes);
  while (const std::uint32_t tag = stream.ReadTag()) {
    const int number = WireFormatLite::GetTagFieldNumber(tag);
    if (tag == WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED)) {
      std::uint32_t size_bytes;
      if (!stream.ReadVarint32(&size_bytes) || size_bytes > kMostMessageBytes) return Malformed();
      const auto position = static_cast<std::size_t>(stream.CurrentPosition());
      if (!stream.Skip(static_cast<int>(size_bytes))) return Malformed();
      element(contents.substr(position, size_bytes));
    } else if (number >= 1 && number < field) {
      return absl::InvalidArgumentError(absl::StrCat(
          "it has ", kFieldNames[static_cast<std::size_t>(number)], " in place of bytes_contents"));
    } else if (number == 0 || !WireFormatLite::SkipField(&stream, tag)) {
      return Malformed();
    }
  }
  return stream.ConsumedEntireMessage() ? absl::OkStatus() : Malformed();
}

absl::StatusOr<Tensor> ReadBytesTensor(const Shape& shape, std::size_t expected,
                                       std::string_view contents) {
  std::size_t found = 0;
  std::size_t size_bytes = 0;
  absl::Status status = ReadByteStrings(contents, [&](std::string_view element) {
    ++found;
    size_bytes += detail::kBytesLengthBytes + element.size();
  });
  if (!status.ok()) return status;
  if (found != expected) return WrongCount(found, shape, expected);
  // As raw elements are: a list of them would be larger than what came.
  Buffer raw;
  char* to = raw.Allocate(size_bytes);
  (void)ReadByteStrings(contents, [&](std::string_view element) {
    const auto length = static_cast<std::uint32_t>(element.size());
    std::memcpy(to, &length, detail::kBytesLengthBytes);
    to = std::copy(element.begin(), element.end(), to + detail::kBytesLengthBytes);
  });
  return Tensor::FromBuffer(DataType::kBytes, shape, raw);
}

}  // namespace

absl::StatusOr<Tensor> ReadTypedContents(DataType type, const Shape& shape,
                                         const Buffer& contents) {
  const absl::StatusOr<std::size_t> expected = ElementCount(shape);
  if (!expected.ok()) return expected.status();
  std::string scratch;
  const std::string_view bytes = contents.Flatten(scratch);
  const auto read = [&]<class T, class Sent>() {
    return ReadTensor<T, Sent>(type, shape, *expected, bytes);
  };
  switch (type) {
    case DataType::kBool:
      return read.template operator()<bool, bool>();
    case DataType::kInt8:
      return read.template operator()<std::int8_t, std::int32_t>();
    case DataType::kInt16:
      return read.template operator()<std::int16_t, std::int32_t>();
    case DataType::kInt32:
      return read.template operator()<std::int32_t, std::int32_t>();
    case DataType::kInt64:
      return read.template operator()<std::int64_t, std::int64_t>();
    case DataType::kUint8:
      return read.template operator()<std::uint8_t, std::uint32_t>();
    case DataType::kUint16:
      return read.template operator()<std::uint16_t, std::uint32_t>();
    case DataType::kUint32:
      return read.template operator()<std::uint32_t, std::uint32_t>();
    case DataType::kUint64:
      return read.template operator()<std::uint64_t, std::uint64_t>();
    case DataType::kFp32:
      return read.template operator()<float, float>();
    case DataType::kFp64:
      return read.template operator()<double, double>();
    case DataType::kBytes:
      return ReadBytesTensor(shape, *expected, bytes);
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("elements of type ", std::string(DataTypeName(type)), " can only be raw"));
  }
}

}  // namespace parley::kserve
