// Tensors: what can be made, what can't, and who keeps their memory.
#include "parley/model/tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

bool IsAlignedTo(const void* memory, std::size_t bytes) {
  return reinterpret_cast<std::uintptr_t>(memory) % bytes == 0;
}

std::string BytesElement(std::string_view text) {
  const auto length = static_cast<std::uint32_t>(text.size());
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes.append(text);
}

Buffer BufferOf(std::string_view bytes) {
  Buffer buffer;
  buffer.Append(bytes);
  return buffer;
}

void ExpectInvalid(const absl::Status& status, const std::vector<std::string>& words) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  for (const std::string& word : words) EXPECT_THAT(std::string(status.message()), HasSubstr(word));
}

TEST(ElementCount, IsTheProductOfTheDimensions) {
  EXPECT_EQ(*ElementCount({}), 1u);
  EXPECT_EQ(*ElementCount({3}), 3u);
  EXPECT_EQ(*ElementCount({2, 3, 4}), 24u);
  EXPECT_EQ(*ElementCount({2, 0, 4}), 0u);
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(*ElementCount({most, 0, most}), 0u);
  EXPECT_EQ(*ElementCount({most, 1}), static_cast<std::size_t>(most));
}

TEST(ElementCount, RefusesShapesThatCanNotBe) {
  ExpectInvalid(ElementCount({2, -1}).status(), {"[2,-1]", "negative"});
  ExpectInvalid(ElementCount({0, std::numeric_limits<std::int64_t>::min()}).status(), {"negative"});
  ExpectInvalid(ElementCount({std::int64_t{1} << 32, std::int64_t{1} << 31}).status(),
                {"[4294967296,2147483648]", "more elements"});
  ExpectInvalid(ElementCount({std::int64_t{1} << 62, 4, 1}).status(), {"more elements"});
  ExpectInvalid(ElementCount(Shape(33, 1)).status(), {"33", "32"});
}

TEST(Tensor, IsFilledByItsMaker) {
  const absl::StatusOr<Tensor> tensor = Tensor::Make<float>({2, 3}, [](std::span<float> values) {
    ASSERT_EQ(values.size(), 6u);
    for (const float value : values) EXPECT_EQ(value, 0.0f);
    values[5] = 1.5f;
  });
  ASSERT_TRUE(tensor.ok()) << tensor.status();
  EXPECT_EQ(tensor->type(), DataType::kFp32);
  EXPECT_THAT(tensor->shape(), ElementsAre(2, 3));
  EXPECT_THAT(*tensor->Values<float>(), ElementsAre(0, 0, 0, 0, 0, 1.5f));
  EXPECT_TRUE(IsAlignedTo(tensor->bytes().data(), 64));
}

TEST(Tensor, OfNothingHasNoTypeAndNoBytes) {
  const Tensor tensor;
  EXPECT_EQ(tensor.type(), DataType::kInvalid);
  EXPECT_TRUE(tensor.bytes().empty());
  ExpectInvalid(tensor.Values<float>().status(), {"INVALID", "FP32"});
}

TEST(Tensor, WithADimensionOfZeroHasNoElements) {
  const auto tensor =
      Tensor::Make<double>({4, 0}, [](std::span<double> values) { EXPECT_TRUE(values.empty()); });
  ASSERT_TRUE(tensor.ok()) << tensor.status();
  EXPECT_TRUE(tensor->Values<double>()->empty());
  const auto wrapped = Tensor::Wrap(DataType::kFp64, {0}, {}, nullptr);
  ASSERT_TRUE(wrapped.ok()) << wrapped.status();
}

TEST(Tensor, CopiesValues) {
  std::vector<std::int16_t> values = {1, -2, 3, -4};
  const auto tensor = Tensor::CopyOf<std::int16_t>(values, {2, 2});
  values.assign(4, 0);
  ASSERT_TRUE(tensor.ok()) << tensor.status();
  EXPECT_THAT(*tensor->Values<std::int16_t>(), ElementsAre(1, -2, 3, -4));
  ExpectInvalid(Tensor::CopyOf<std::int16_t>(values, {5}).status(), {"8 bytes", "[5]", "10"});
}

TEST(Tensor, IsViewedAsItsOwnTypeOnly) {
  const auto tensor = Tensor::CopyOf<std::int32_t>(std::array{1, 2}, {2});
  ASSERT_TRUE(tensor.ok());
  ExpectInvalid(tensor->Values<float>().status(), {"INT32", "FP32"});
  ExpectInvalid(tensor->BytesValues().status(), {"INT32", "BYTES"});
}

TEST(Tensor, KeepsItsMemoryWhenItIsMovedAndCopied) {
  std::optional<Tensor> first =
      *Tensor::CopyOf<std::uint8_t>(std::array<std::uint8_t, 2>{7, 8}, {2});
  const std::span<const std::uint8_t> view = *first->Values<std::uint8_t>();
  const Tensor copy = *first;
  const Tensor moved = *std::move(first);
  first.reset();
  EXPECT_EQ(copy.bytes().data(), moved.bytes().data());
  EXPECT_THAT(view, ElementsAre(7, 8));
}

TEST(Tensor, OfBytesHasElementsOfAnyLength) {
  const std::string large(100'000, 'x');
  const std::vector<std::string_view> elements = {"one", "", large, std::string_view("\0\xff", 2)};
  const auto tensor = Tensor::OfBytes(elements, {2, 2});
  ASSERT_TRUE(tensor.ok()) << tensor.status();
  EXPECT_EQ(*tensor->BytesValues(), elements);
  EXPECT_EQ(tensor->bytes(), BytesElement("one") + BytesElement("") + BytesElement(large) +
                                 BytesElement(elements[3]));
  ExpectInvalid(Tensor::OfBytes(elements, {3}).status(), {"4", "[3]"});
}

TEST(Tensor, RefusesBytesThatAreNotTheElements) {
  const std::string one = BytesElement("one");
  const auto check = [](Shape shape, const std::string& bytes) {
    return Tensor::FromBuffer(DataType::kBytes, std::move(shape), BufferOf(bytes)).status();
  };
  EXPECT_TRUE(check({1}, one).ok());
  EXPECT_TRUE(check({0}, "").ok());
  ExpectInvalid(check({2}, one), {"7 bytes can't be 2"});
  ExpectInvalid(check({2}, one + "ab"), {"element 1 of 2", "cut off", "2 bytes"});
  ExpectInvalid(check({2}, one + "abc"), {"element 1 of 2", "cut off", "3 bytes"});
  ExpectInvalid(check({1}, one.substr(0, 6)), {"element 0 of 1", "6 bytes", "length of 3"});
  ExpectInvalid(check({1}, one + one), {"7 of 14 bytes", "last of 1"});
  ExpectInvalid(check({3}, one + BytesElement("seven")), {"2 BYTES elements", "3"});
  ExpectInvalid(check({0}, one), {"last of 0"});
  ExpectInvalid(check({1}, std::string("\xff\xff\xff\xff", 4)), {"4294967295"});
  ExpectInvalid(check({std::int64_t{1} << 60}, one), {"7 bytes", "1152921504606846976"});
}

TEST(Tensor, RefusesBytesOfTheWrongNumber) {
  const auto check = [](DataType type, Shape shape, const std::string& bytes) {
    return Tensor::FromBuffer(type, std::move(shape), BufferOf(bytes)).status();
  };
  EXPECT_TRUE(check(DataType::kFp32, {2}, "12345678").ok());
  ExpectInvalid(check(DataType::kFp32, {2}, "1234567"), {"7 bytes", "[2]", "8"});
  ExpectInvalid(check(DataType::kFp64, {}, ""), {"0 bytes", "8"});
  ExpectInvalid(check(DataType::kFp64, {std::int64_t{1} << 60}, "12345678"), {"more bytes"});
  ExpectInvalid(check(DataType::kInvalid, {1}, "1"), {"INVALID"});
  ExpectInvalid(check(DataType::kBool, {4}, std::string("\0\1\2\1", 4)), {"element 2 is 2"});
}

TEST(Tensor, WrapsMemoryOfTheApplicationAndLetsItGo) {
  alignas(float) std::array<float, 4> memory = {1, 2, 3, 4};
  const std::string_view bytes(reinterpret_cast<const char*>(memory.data()), sizeof memory);
  int released = 0;
  Buffer sent;
  {
    auto tensor = Tensor::Wrap(DataType::kFp32, {4}, bytes, [&] { ++released; });
    ASSERT_TRUE(tensor.ok()) << tensor.status();
    EXPECT_EQ(tensor->bytes().data(), bytes.data());
    const Tensor other = *tensor->Reshaped({2, 2});
    tensor->AppendTo(sent);
    EXPECT_THAT(*other.Values<float>(), ElementsAre(1, 2, 3, 4));
  }
  EXPECT_EQ(released, 0);
  sent = Buffer();
  EXPECT_EQ(released, 1);
}

TEST(Tensor, LetsMemoryGoThatItCanNotWrap) {
  alignas(8) std::array<char, 16> memory = {};
  int released = 0;
  const auto release = [&] { ++released; };
  ExpectInvalid(Tensor::Wrap(DataType::kFp64, {1}, {memory.data() + 1, 8}, release).status(),
                {"aligned", "8"});
  EXPECT_EQ(released, 1);
  ExpectInvalid(Tensor::Wrap(DataType::kFp64, {3}, {memory.data(), 16}, release).status(),
                {"16 bytes", "24"});
  EXPECT_EQ(released, 2);
}

TEST(Tensor, SharesAReceivedPieceThatIsAlignedAndLarge) {
  alignas(8) static constexpr std::array<char, 8192> kMemory = {};
  const auto from = [](std::size_t offset, std::size_t size) {
    Buffer buffer;
    buffer.AppendReference({kMemory.data() + offset, size}, nullptr);
    return *Tensor::FromBuffer(DataType::kInt64, {static_cast<std::int64_t>(size / 8)}, buffer);
  };
  EXPECT_EQ(from(8, 4096).bytes().data(), kMemory.data() + 8);
  for (const Tensor& copied : {from(3, 4096), from(8, 4088)}) {
    EXPECT_NE(copied.bytes().data(), kMemory.data() + 3);
    EXPECT_NE(copied.bytes().data(), kMemory.data() + 8);
    EXPECT_TRUE(IsAlignedTo(copied.bytes().data(), 64));
  }
}

TEST(Tensor, JoinsTheReceivedPieces) {
  Buffer buffer;
  for (const char* piece : {"1234", "5", "678"}) buffer.AppendReference(piece, nullptr);
  const auto tensor = Tensor::FromBuffer(DataType::kUint8, {2, 4}, buffer);
  ASSERT_TRUE(tensor.ok()) << tensor.status();
  EXPECT_EQ(tensor->bytes(), "12345678");
}

TEST(Tensor, IsReshapedWithoutACopy) {
  const auto tensor = Tensor::CopyOf<std::int32_t>(std::array{1, 2, 3, 4, 5, 6}, {6});
  const auto other = tensor->Reshaped({3, 2});
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(other->bytes().data(), tensor->bytes().data());
  EXPECT_THAT(other->shape(), ElementsAre(3, 2));
  ExpectInvalid(tensor->Reshaped({4}).status(), {"[4]", "6"});
}

}  // namespace
}  // namespace parley
