// A tensor as a message: what generated code makes of it and the other way round, what is not copied,
// and bytes that are no tensor.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "parley/model/tensor.h"
#include "parley/v1/tensor.pb.h"

namespace parley {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Buffer InPieces(std::string_view bytes, std::size_t piece_bytes) {
  Buffer buffer;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece_bytes, bytes.size()))) {
    buffer.Append(bytes.substr(0, piece_bytes));
  }
  return buffer;
}

Tensor SomeTensor(std::size_t elements) {
  return *Tensor::Make<std::int32_t>({1, static_cast<std::int64_t>(elements)},
                                     [](std::span<std::int32_t> values) {
                                       std::int32_t next = 0;
                                       for (std::int32_t& value : values) value = --next;
                                     });
}

v1::Tensor AsProto(const Tensor& tensor) {
  v1::Tensor proto;
  proto.set_data_type(static_cast<v1::DataType>(tensor.type()));
  for (const std::int64_t dimension : tensor.shape()) proto.add_shape(dimension);
  proto.set_data(std::string(tensor.bytes()));
  return proto;
}

TEST(TensorCodec, WritesWhatGeneratedCodeWrites) {
  const std::vector<Tensor> tensors = {
      SomeTensor(1),
      SomeTensor(100'000),
      *Tensor::CopyOf<double>(std::array{1.0}, {}),
      *Tensor::CopyOf<double>(std::span<const double>(), {0, 300}),
      *Tensor::OfBytes({"a", "bc"}, {2}),
  };
  for (const Tensor& tensor : tensors) {
    Buffer out;
    ASSERT_TRUE(Codec<Tensor>::Encode(tensor, out).ok());
    EXPECT_EQ(out.ToString(), AsProto(tensor).SerializeAsString()) << ShapeText(tensor.shape());
    EXPECT_LE(out.size_bytes(), Codec<Tensor>::SizeBytes(tensor));
  }
}

TEST(TensorCodec, ReadsWhatGeneratedCodeWritesHoweverItIsCut) {
  const Tensor tensor = SomeTensor(50);
  const std::string bytes = AsProto(tensor).SerializeAsString();
  for (std::size_t piece_bytes = 1; piece_bytes <= bytes.size(); ++piece_bytes) {
    Tensor read;
    const absl::Status status = Codec<Tensor>::Decode(InPieces(bytes, piece_bytes), read);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(read.type(), tensor.type());
    EXPECT_THAT(read.shape(), ElementsAre(1, 50));
    EXPECT_EQ(read.bytes(), tensor.bytes());
  }
}

TEST(TensorCodec, SendsTheElementsFromWhereTheyAre) {
  const Tensor tensor = SomeTensor(1000);
  Buffer out;
  ASSERT_TRUE(Codec<Tensor>::Encode(tensor, out).ok());
  ASSERT_EQ(out.pieces().size(), 2u);
  EXPECT_EQ(out.pieces()[1].data(), tensor.bytes().data());
}

TEST(TensorCodec, TakesAlignedElementsFromWhereTheyAre) {
  const Tensor tensor = SomeTensor(2000);
  Buffer wire;
  ASSERT_TRUE(Codec<Tensor>::Encode(tensor, wire).ok());
  Tensor read;
  ASSERT_TRUE(Codec<Tensor>::Decode(wire, read).ok());
  EXPECT_EQ(read.bytes().data(), tensor.bytes().data());
}

TEST(TensorCodec, SkipsFieldsOfNewerVersionsAndTakesUnpackedShapes) {
  const std::string type("\x08\x02", 2);
  const std::string shape("\x10\x01\x10\x03", 4);  // 1, 3, each with a tag
  const std::string unknown("\xa2\x01\x02zz\xa8\x01\x05", 8);
  const std::string data(
      "\x1a\x03"
      "abc",
      5);
  Tensor read;
  const absl::Status status =
      Codec<Tensor>::Decode(InPieces(unknown + type + shape + data + unknown, 100), read);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(read.shape(), ElementsAre(1, 3));
  EXPECT_EQ(read.bytes(), "abc");
}

TEST(TensorCodec, RefusesWhatIsNoTensor) {
  const auto check = [](const std::string& bytes) {
    Tensor read;
    return Codec<Tensor>::Decode(InPieces(bytes, 7), read);
  };
  EXPECT_THAT(check("").message(), HasSubstr("unknown type 0"));
  EXPECT_THAT(check(std::string("\x08\x0f", 2)).message(), HasSubstr("unknown type 15"));
  EXPECT_THAT(check(std::string("\x08\x82\x80\x80\x80\x80\x01", 7)).message(),
              HasSubstr("unknown type 34359738370"));
  for (const std::string& bytes : {
           std::string("\x08", 1),                  // a tag and no value
           std::string("\x08\x02\x12\x05\x01", 5),  // a shape that is cut off
           std::string("\x08\x02\x12\x01\x80", 5),  // a dimension that goes on beyond its field
           std::string("\x08\x02\x1a\x7f", 4) + "abc",
           std::string("\x08\x02\x1a\xff\xff\xff\xff\x0f", 8) + "abc",
           std::string("\x08\x02\x0f", 3),  // no such kind of field
           std::string("\x08\x02\x12\x01\x01\x1a\x01"
                       "a\x00\x00",
                       10),  // field 0
           std::string("\x08\x02\x12\x01\x01\x1a\x01"
                       "a\x02\x00",
                       10),
       }) {
    EXPECT_THAT(check(bytes).message(), HasSubstr("no parley.v1.Tensor"));
  }
  std::string shape = "\x08\x02\x12\x21";
  EXPECT_THAT(check(shape.append(33, '\1')).message(), HasSubstr("more than 32"));
}

TEST(TensorCodec, NamesBothNumbersWhereShapeAndBytesDisagree) {
  v1::Tensor proto = AsProto(SomeTensor(3));
  proto.set_shape(1, 4);
  Tensor read;
  const absl::Status status = Codec<Tensor>::Decode(InPieces(proto.SerializeAsString(), 100), read);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("12 bytes where shape [1,4] needs 16"));
}

TEST(TensorCodec, DoesNotSendATensorWithoutAType) {
  Buffer out;
  EXPECT_EQ(Codec<Tensor>::Encode(Tensor(), out).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace parley
