// What protobuf's encoding is made of, written and read field by field. Used by the frames of sessions
// alone.
#ifndef PARLEY_SRC_WIRE_SESSION_PROTO_FIELDS_H_
#define PARLEY_SRC_WIRE_SESSION_PROTO_FIELDS_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace parley::detail {

// A tag is a field's number and the form of its value.
enum Form : std::uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

constexpr std::uint32_t Tag(std::uint32_t field, Form form) { return field << 3 | form; }

constexpr std::size_t VarintSize(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

inline char* PutVarint(std::uint64_t value, char* out) {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}

// Reads a number at `at`, which it moves behind it; false where the bytes are malformed.
inline bool TakeVarint(const char*& at, const char* end, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && at != end; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at++);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

// All fields have numbers below 16, so that their tags are one byte.
constexpr std::size_t NumberSize(std::uint64_t value) {
  return value == 0 ? 0 : 1 + VarintSize(value);
}
constexpr std::size_t BytesSize(std::size_t size) { return 1 + VarintSize(size) + size; }
constexpr std::size_t TextSize(std::string_view text) {
  return text.empty() ? 0 : BytesSize(text.size());
}

inline char* PutNumber(std::uint32_t field, std::uint64_t value, char* out) {
  if (value == 0) return out;
  *out++ = static_cast<char>(Tag(field, kVarint));
  return PutVarint(value, out);
}
inline char* PutLength(std::uint32_t field, std::size_t size, char* out) {
  *out++ = static_cast<char>(Tag(field, kBytes));
  return PutVarint(size, out);
}
inline char* PutBytes(std::uint32_t field, std::string_view bytes, char* out) {
  out = PutLength(field, bytes.size(), out);
  if (bytes.empty()) return out;
  std::memcpy(out, bytes.data(), bytes.size());
  return out + bytes.size();
}
inline char* PutText(std::uint32_t field, std::string_view text, char* out) {
  return text.empty() ? out : PutBytes(field, text, out);
}

// Reads fields one by one.
class Fields {
 public:
  explicit Fields(std::string_view encoded)
      : at_(encoded.data()), end_(encoded.data() + encoded.size()) {}

  // Moves to the next field; false at the end, or where the bytes are malformed.
  bool Next() {
    if (at_ == end_ || malformed_) return false;
    const std::uint64_t tag = Varint();
    form_ = static_cast<std::uint32_t>(tag & 7);
    field_ = tag >> 3;
    if (field_ == 0 || tag > UINT32_MAX) malformed_ = true;
    switch (form_) {
      case kVarint:
        number_ = Varint();
        break;
      case kBytes:
        bytes_ = Skip(Varint());
        break;
      case kFixed64:
        Skip(8);
        break;
      case kFixed32:
        Skip(4);
        break;
      default:
        malformed_ = true;
    }
    return !malformed_;
  }

  // The field's number and form.
  std::uint64_t tag() const { return field_ << 3 | form_; }
  std::uint64_t number() const { return number_; }
  std::string_view bytes() const { return bytes_; }
  bool malformed() const { return malformed_; }
  std::string_view rest() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }

 private:
  std::uint64_t Varint() {
    std::uint64_t value = 0;
    if (TakeVarint(at_, end_, value)) return value;
    malformed_ = true;
    return 0;
  }
  std::string_view Skip(std::uint64_t size) {
    if (size > static_cast<std::uint64_t>(end_ - at_)) {
      malformed_ = true;
      return {};
    }
    const std::string_view skipped(at_, static_cast<std::size_t>(size));
    at_ += size;
    return skipped;
  }

  const char* at_;
  const char* const end_;
  std::uint64_t field_ = 0;
  std::uint32_t form_ = 0;
  std::uint64_t number_ = 0;
  std::string_view bytes_;
  bool malformed_ = false;
};

// Reads fields that are known beforehand. Where the next one is another, nothing is read.
class Expected {
 public:
  explicit Expected(std::string_view encoded) : rest_(encoded) {}

  bool Number(std::uint32_t field, std::uint64_t& number) {
    const char* at = After(Tag(field, kVarint));
    return at != nullptr && TakeVarint(at, End(), number) && Advance(at);
  }
  bool Bytes(std::uint32_t field, std::string_view& bytes) {
    const char* at = After(Tag(field, kBytes));
    std::uint64_t size = 0;
    if (at == nullptr || !TakeVarint(at, End(), size) ||
        size > static_cast<std::uint64_t>(End() - at)) {
      return false;
    }
    bytes = {at, static_cast<std::size_t>(size)};
    return Advance(at + size);
  }
  std::string_view rest() const { return rest_; }

 private:
  const char* End() const { return rest_.data() + rest_.size(); }
  const char* After(std::uint32_t tag) const {
    const bool is_next = !rest_.empty() && static_cast<unsigned char>(rest_.front()) == tag;
    return is_next ? rest_.data() + 1 : nullptr;
  }
  bool Advance(const char* to) {
    rest_.remove_prefix(static_cast<std::size_t>(to - rest_.data()));
    return true;
  }

  std::string_view rest_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_SESSION_PROTO_FIELDS_H_
