#include "parley/model/data_type.h"

#include <array>
#include <bit>
#include <cstdint>

namespace parley {
namespace {

struct Known {
  std::string_view name;
  std::size_t element_bytes;
};

// In the order of the numbers.
constexpr std::array<Known, 15> kKnown = {{
    {"INVALID", 0},
    {"BOOL", 1},
    {"UINT8", 1},
    {"UINT16", 2},
    {"UINT32", 4},
    {"UINT64", 8},
    {"INT8", 1},
    {"INT16", 2},
    {"INT32", 4},
    {"INT64", 8},
    {"FP16", 2},
    {"FP32", 4},
    {"FP64", 8},
    {"BYTES", 0},
    {"BF16", 2},
}};

const Known& Find(DataType type) {
  const auto number = static_cast<std::size_t>(type);
  return kKnown[number < kKnown.size() ? number : 0];
}

constexpr std::uint32_t kSign = 0x8000'0000;
constexpr std::uint32_t kInfinity = 0x7f80'0000;  // of a float

// `bits` without the lowest `count`, rounded to nearest, ties to even.
std::uint32_t ShiftRounded(std::uint32_t bits, int count) {
  const std::uint32_t half = std::uint32_t{1} << (count - 1);
  const std::uint32_t odd = (bits >> count) & 1;
  return (bits + half - 1 + odd) >> count;
}

}  // namespace

std::string_view DataTypeName(DataType type) { return Find(type).name; }

DataType DataTypeNamed(std::string_view name) {
  for (std::size_t i = 1; i < kKnown.size(); ++i) {
    if (kKnown[i].name == name) return static_cast<DataType>(i);
  }
  return DataType::kInvalid;
}

std::size_t ElementBytes(DataType type) { return Find(type).element_bytes; }

// binary16: a sign, 5 bits of exponent with bias 15, 10 of mantissa; a float has 8, 127 and 23.
Float16::Float16(float value) {
  const auto whole = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t magnitude = whole & ~kSign;
  std::uint32_t half;
  if (magnitude > kInfinity) {
    half = 0x7e00 | ((magnitude >> 13) & 0x3ff);  // a quiet NaN
  } else if (magnitude >= std::uint32_t{113} << 23) {
    // At least 2^-14. Rounding may carry into the exponent, up to infinity.
    half = magnitude < std::uint32_t{143} << 23
               ? ShiftRounded(magnitude - (std::uint32_t{112} << 23), 13)
               : 0x7c00;
  } else if (magnitude > std::uint32_t{102} << 23) {
    // Subnormal there: in units of 2^-24.
    const int exponent = static_cast<int>(magnitude >> 23);
    const std::uint32_t mantissa = (magnitude & 0x7f'ffff) | 0x80'0000;
    half = ShiftRounded(mantissa, 126 - exponent);
  } else {
    half = 0;  // up to 2^-25, which is a tie with an even 0
  }
  bits = static_cast<std::uint16_t>(half | ((whole >> 16) & 0x8000));
}

Float16::operator float() const {
  const std::uint32_t sign = std::uint32_t{bits & 0x8000u} << 16;
  const std::uint32_t magnitude = bits & 0x7fff;
  if (magnitude >= 0x7c00) {
    return std::bit_cast<float>(sign | kInfinity | ((magnitude & 0x3ff) << 13));
  }
  if (magnitude >= 0x400) {
    return std::bit_cast<float>(sign | ((magnitude << 13) + (std::uint32_t{112} << 23)));
  }
  const float value = static_cast<float>(magnitude) * 0x1p-24f;
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(value));
}

BFloat16::BFloat16(float value) {
  const auto whole = std::bit_cast<std::uint32_t>(value);
  const bool is_nan = (whole & ~kSign) > kInfinity;
  bits = static_cast<std::uint16_t>(is_nan ? (whole >> 16) | 0x40 : ShiftRounded(whole, 16));
}

BFloat16::operator float() const { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

}  // namespace parley
