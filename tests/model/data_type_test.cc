// The types of elements: their names and sizes, and the floats that C++ has no type for.
#include "parley/model/data_type.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace parley {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(DataType, HasTheNamesAndSizesOfTheProtocol) {
  const std::vector<std::pair<std::string, std::size_t>> known = {
      {"BOOL", 1}, {"UINT8", 1}, {"UINT16", 2}, {"UINT32", 4}, {"UINT64", 8},
      {"INT8", 1}, {"INT16", 2}, {"INT32", 4},  {"INT64", 8},  {"FP16", 2},
      {"FP32", 4}, {"FP64", 8},  {"BYTES", 0},  {"BF16", 2},
  };
  for (std::size_t i = 0; i < known.size(); ++i) {
    const auto type = static_cast<DataType>(i + 1);
    EXPECT_EQ(DataTypeName(type), known[i].first);
    EXPECT_EQ(DataTypeNamed(known[i].first), type);
    EXPECT_EQ(ElementBytes(type), known[i].second) << known[i].first;
  }
}

TEST(DataType, IsInvalidWhereNothingIsCalledThat) {
  for (const char* name : {"", "INVALID", "FP8", "fp32", "FP32 ", "STRING"}) {
    EXPECT_EQ(DataTypeNamed(name), DataType::kInvalid) << name;
  }
  EXPECT_EQ(DataTypeName(static_cast<DataType>(15)), "INVALID");
  EXPECT_EQ(ElementBytes(static_cast<DataType>(255)), 0u);
}

TEST(DataType, IsKnownOfAnElementsCppType) {
  static_assert(kDataTypeOf<float> == DataType::kFp32);
  static_assert(kDataTypeOf<BFloat16> == DataType::kBf16);
  static_assert(!Element<char> && !Element<std::string> && !Element<long double>);
}

template <class Half>
struct Format;
template <>
struct Format<Float16> {
  static constexpr std::uint16_t kInfinityBits = 0x7c00;
};
template <>
struct Format<BFloat16> {
  static constexpr std::uint16_t kInfinityBits = 0x7f80;
};

template <class Half>
Half FromBits(std::uint16_t bits) {
  Half half;
  half.bits = bits;
  return half;
}

template <class Half>
class HalfFloat : public testing::Test {};
using HalfFloats = testing::Types<Float16, BFloat16>;
TYPED_TEST_SUITE(HalfFloat, HalfFloats);

TYPED_TEST(HalfFloat, SurvivesBeingAFloat) {
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const auto value = static_cast<float>(FromBits<TypeParam>(static_cast<std::uint16_t>(bits)));
    if ((bits & 0x7fff) > Format<TypeParam>::kInfinityBits) {
      ASSERT_TRUE(std::isnan(value)) << bits;
      ASSERT_TRUE(std::isnan(static_cast<float>(TypeParam(value)))) << bits;
    } else {
      ASSERT_EQ(TypeParam(value).bits, bits);
    }
  }
}

// Between every two neighbours: what is nearer, and of a tie the even one.
TYPED_TEST(HalfFloat, IsRoundedToTheNearestTiesToEven) {
  for (std::uint16_t bits = 0; bits + 1 < Format<TypeParam>::kInfinityBits; ++bits) {
    const auto low = static_cast<float>(FromBits<TypeParam>(bits));
    const auto high = static_cast<float>(FromBits<TypeParam>(bits + 1));
    const auto middle = static_cast<float>((double{low} + double{high}) / 2);
    ASSERT_EQ(TypeParam(middle).bits, bits + (bits & 1)) << bits;
    ASSERT_EQ(TypeParam(std::nextafter(middle, 0.0f)).bits, bits) << bits;
    ASSERT_EQ(TypeParam(std::nextafter(middle, kInfinity)).bits, bits + 1) << bits;
    ASSERT_EQ(TypeParam(-middle).bits, 0x8000 | (bits + (bits & 1))) << bits;
  }
}

TYPED_TEST(HalfFloat, IsInfiniteBeyondItsRange) {
  const auto largest =
      static_cast<float>(FromBits<TypeParam>(Format<TypeParam>::kInfinityBits - 1));
  EXPECT_TRUE(std::isfinite(largest));
  EXPECT_EQ(static_cast<float>(TypeParam(kInfinity)), kInfinity);
  EXPECT_EQ(static_cast<float>(TypeParam(-kInfinity)), -kInfinity);
  EXPECT_EQ(static_cast<float>(TypeParam(std::numeric_limits<float>::max())), kInfinity);
}

TEST(Float16, HasTheBitsOfTheStandard) {
  EXPECT_EQ(Float16(1.0f).bits, 0x3c00);
  EXPECT_EQ(Float16(-2.0f).bits, 0xc000);
  EXPECT_EQ(Float16(65504.0f).bits, 0x7bff);
  EXPECT_EQ(Float16(65520.0f).bits, 0x7c00);
  EXPECT_EQ(Float16(0x1p-24f).bits, 0x0001);
  EXPECT_EQ(Float16(0x1p-25f).bits, 0x0000);
  EXPECT_EQ(Float16(-0.0f).bits, 0x8000);
}

TEST(BFloat16, IsTheUpperHalfOfAFloat) {
  EXPECT_EQ(BFloat16(1.0f).bits, 0x3f80);
  EXPECT_EQ(BFloat16(-3.140625f).bits, 0xc049);
  EXPECT_EQ(BFloat16(std::bit_cast<float>(0x7f80'0001u)).bits & 0x7fff, 0x7fc0);
}

}  // namespace
}  // namespace parley
