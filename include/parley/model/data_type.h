// What a tensor's elements are: the types of the Open Inference Protocol (KServe, Triton), and the C++
// types that hold one element each.
#ifndef PARLEY_MODEL_DATA_TYPE_H_
#define PARLEY_MODEL_DATA_TYPE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "parley/detail/export.h"

namespace parley {

// The numbers are those of Triton's model configuration and of parley.v1.Tensor.
enum class DataType : std::uint8_t {
  kInvalid = 0,
  kBool = 1,  // a byte, 0 or 1
  kUint8 = 2,
  kUint16 = 3,
  kUint32 = 4,
  kUint64 = 5,
  kInt8 = 6,
  kInt16 = 7,
  kInt32 = 8,
  kInt64 = 9,
  kFp16 = 10,  // IEEE 754 binary16
  kFp32 = 11,
  kFp64 = 12,
  kBytes = 13,  // any number of bytes: text, an image
  kBf16 = 14,   // the upper half of an FP32
};

// "FP32"; "INVALID" for kInvalid, and for what is no type.
PARLEY_EXPORT std::string_view DataTypeName(DataType type);
// kInvalid if no type is called that.
PARLEY_EXPORT DataType DataTypeNamed(std::string_view name);
// Of one element; 0 for kBytes, whose elements differ, and for kInvalid.
PARLEY_EXPORT std::size_t ElementBytes(DataType type);

// An FP16 or BF16 element; to compute with it, make it a float, which is exact. From a float it is
// rounded to the nearest, ties to even; what is too large becomes infinite, and a NaN stays one.
class PARLEY_EXPORT Float16 {
 public:
  Float16() = default;
  explicit Float16(float value);
  explicit operator float() const;

  std::uint16_t bits = 0;
};

class PARLEY_EXPORT BFloat16 {
 public:
  BFloat16() = default;
  explicit BFloat16(float value);
  explicit operator float() const;

  std::uint16_t bits = 0;
};

namespace detail {
template <class T>
inline constexpr DataType kDataTypeOf = DataType::kInvalid;
template <>
inline constexpr DataType kDataTypeOf<bool> = DataType::kBool;
template <>
inline constexpr DataType kDataTypeOf<std::uint8_t> = DataType::kUint8;
template <>
inline constexpr DataType kDataTypeOf<std::uint16_t> = DataType::kUint16;
template <>
inline constexpr DataType kDataTypeOf<std::uint32_t> = DataType::kUint32;
template <>
inline constexpr DataType kDataTypeOf<std::uint64_t> = DataType::kUint64;
template <>
inline constexpr DataType kDataTypeOf<std::int8_t> = DataType::kInt8;
template <>
inline constexpr DataType kDataTypeOf<std::int16_t> = DataType::kInt16;
template <>
inline constexpr DataType kDataTypeOf<std::int32_t> = DataType::kInt32;
template <>
inline constexpr DataType kDataTypeOf<std::int64_t> = DataType::kInt64;
template <>
inline constexpr DataType kDataTypeOf<Float16> = DataType::kFp16;
template <>
inline constexpr DataType kDataTypeOf<float> = DataType::kFp32;
template <>
inline constexpr DataType kDataTypeOf<double> = DataType::kFp64;
template <>
inline constexpr DataType kDataTypeOf<BFloat16> = DataType::kBf16;
}  // namespace detail

// A C++ type that is one element, as it lies in a tensor's memory: all types but BYTES have one.
template <class T>
concept Element = detail::kDataTypeOf<T>
!= DataType::kInvalid;

template <Element T>
inline constexpr DataType kDataTypeOf = detail::kDataTypeOf<T>;

}  // namespace parley

#endif  // PARLEY_MODEL_DATA_TYPE_H_
