// How messages become bytes and back. Protobuf messages and std::string (raw bytes) work out of the
// box; any other type becomes a message by specialising Codec.
#ifndef PARLEY_CODEC_H_
#define PARLEY_CODEC_H_

#include <concepts>
#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "google/protobuf/message_lite.h"
#include "parley/buffer.h"
#include "parley/detail/export.h"

namespace parley {

// Specialise for T:
//
//   template <> struct parley::Codec<Point> {
//     // Appends to `out`.
//     static absl::Status Encode(const Point& value, parley::Buffer& out);
//     // `out` is freshly constructed.
//     static absl::Status Decode(const parley::Buffer& in, Point& out);
//     // About what Encode appends.
//     static std::size_t SizeBytes(const Point& value);
//   };
//
// Threads:  called from many at once, on different values.
// Errors:   a failed Encode fails the write that asked for it; a failed Decode ends the call with
//           INTERNAL and the code's text; neither may throw.
template <class T>
struct Codec;

namespace detail {
PARLEY_EXPORT absl::Status EncodeProto(const google::protobuf::MessageLite& message, Buffer& out);
PARLEY_EXPORT absl::Status DecodeProto(const Buffer& in, google::protobuf::MessageLite& message);
}  // namespace detail

template <std::derived_from<google::protobuf::MessageLite> T>
struct Codec<T> {
  static absl::Status Encode(const T& value, Buffer& out) {
    return detail::EncodeProto(value, out);
  }
  static absl::Status Decode(const Buffer& in, T& out) { return detail::DecodeProto(in, out); }
  static std::size_t SizeBytes(const T& value) { return value.ByteSizeLong(); }
};

template <>
struct Codec<std::string> {
  static absl::Status Encode(const std::string& value, Buffer& out) {
    out.Append(value);
    return absl::OkStatus();
  }
  static absl::Status Decode(const Buffer& in, std::string& out) {
    out = in.ToString();
    return absl::OkStatus();
  }
  static std::size_t SizeBytes(const std::string& value) { return value.size(); }
};

}  // namespace parley

#endif  // PARLEY_CODEC_H_
