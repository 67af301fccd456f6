// The codec of tensors, which reads a peer's bytes, against protoc's code for the same .proto file: it
// takes what that takes and Tensor's own checks let pass. Beyond that it takes tags and lengths of more
// bytes than they need, up to ten.
#include <cstdint>
#include <string>

#include "parley/model/tensor.h"
#include "parley/v1/tensor.pb.h"
#include "tests/fuzz/fuzz_input.h"

using parley::Buffer;
using parley::Codec;
using parley::DataType;
using parley::Shape;
using parley::Tensor;
using parley::fuzz::Expect;
namespace v1 = parley::v1;

namespace {

// What generated code reads, as a tensor; protobuf drops the upper half of an enum's number.
absl::StatusOr<Tensor> FromProto(const v1::Tensor& proto) {
  if (proto.data_type() <= 0 || proto.data_type() > static_cast<int>(DataType::kBf16)) {
    return absl::InvalidArgumentError("no such type");
  }
  Buffer data;
  data.Append(proto.data());
  return Tensor::FromBuffer(static_cast<DataType>(proto.data_type()),
                            Shape(proto.shape().begin(), proto.shape().end()), data);
}

bool AreEqual(const Tensor& one, const Tensor& other) {
  return one.type() == other.type() && one.shape() == other.shape() && one.bytes() == other.bytes();
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parley::fuzz::Input input(data, size);
  const std::string_view cuts = input.Bytes(input.Byte() % 8);
  const std::string bytes(input.Rest());

  Tensor decoded;
  const absl::Status status = Codec<Tensor>::Decode(parley::fuzz::InPieces(bytes, cuts), decoded);
  v1::Tensor proto;
  const bool is_proto = proto.ParseFromString(bytes);
  if (!status.ok()) {
    Expect(status.code() == absl::StatusCode::kInvalidArgument, "what is no tensor is an error");
    const bool has_long_type = status.message().find("unknown type") != absl::string_view::npos;
    Expect(!is_proto || has_long_type || !FromProto(proto).ok(), "what is a tensor is decoded");
    return 0;
  }
  if (is_proto) {
    const absl::StatusOr<Tensor> expected = FromProto(proto);
    Expect(expected.ok() && AreEqual(decoded, *expected), "as generated code reads it");
  }

  // Every element can be looked at.
  if (decoded.type() == DataType::kBytes) {
    const auto elements = decoded.BytesValues();
    std::size_t length = 0;
    for (const std::string_view element : *elements) length += 4 + element.size();
    Expect(length == decoded.bytes().size(), "the elements are all of the bytes");
  } else {
    Expect(decoded.bytes().size() == decoded.element_count() * ElementBytes(decoded.type()),
           "as many bytes as the elements take");
  }

  Buffer buffer;
  Expect(Codec<Tensor>::Encode(decoded, buffer).ok(), "what was decoded can be encoded");
  Tensor again;
  Expect(Codec<Tensor>::Decode(buffer, again).ok(), "what was encoded can be decoded");
  Expect(AreEqual(again, decoded), "it is the same again");
  return 0;
}
