// The frames of a session, as proto/parley/v1/session.proto has them, encoded and decoded by hand:
// generated code would copy every message and allocate for every frame. Used by SessionMachine.
#ifndef PARLEY_SRC_WIRE_SESSION_FRAME_H_
#define PARLEY_SRC_WIRE_SESSION_FRAME_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parley/metadata.h"

namespace parley::detail {

// Opens an exchange.
struct StartPart {
  std::string_view method;
  std::uint64_t timeout_us = 0;
  std::string_view metadata;  // encoded
  bool same_method = false;   // as the start before it, and `method` is empty
};
// Ends one.
struct StatusPart {
  std::uint32_t code = 0;
  std::string_view message;
  std::string_view details;
  std::string_view metadata;  // encoded
};
struct DrainPart {
  std::uint64_t last_exchange = 0;
};

// One frame. What is a view lies in the bytes that were decoded, or outlives the encoding.
struct Frame {
  std::uint64_t exchange = 0;
  std::optional<StartPart> start;
  std::optional<std::string_view> headers;  // encoded metadata
  std::optional<std::string_view> message;
  std::uint64_t remaining_bytes = 0;
  bool end = false;
  std::optional<StatusPart> status;
  bool cancel = false;
  std::uint64_t credit_bytes = 0;
  std::optional<std::string_view> hello;  // encoded
  std::optional<DrainPart> drain;
  bool skippable = false;
  bool has_unknown_part = false;  // decoded only
};

// What a frame takes in the encoded list of frames.
class FrameSize {
 public:
  explicit FrameSize(const Frame& frame);

  std::size_t total() const { return total_; }
  // All but the message, which lies at its end if frames are encoded by EncodeFrame.
  std::size_t without_message() const { return total_ - message_; }

 private:
  friend char* EncodeFrame(const Frame& frame, const FrameSize& size, char* out);

  std::size_t start_ = 0;
  std::size_t status_ = 0;
  std::size_t drain_ = 0;
  std::size_t body_ = 0;
  std::size_t total_ = 0;
  std::size_t message_ = 0;
};

// Writes the frame as the next of a list, but for its message's bytes, which are to follow, and
// returns the end. Parts are in ascending order but for the message, which is last.
// REQUIRES: size.without_message() bytes at `out`
char* EncodeFrame(const Frame& frame, const FrameSize& size, char* out);

// Takes the next frame off an encoded list.
enum class Decoded { kFrame, kNone, kMalformed };
Decoded DecodeFrame(std::string_view& list, Frame& frame);

// The most frequent frames: a whole message, and at most that its exchange opens, without metadata, that no
// more messages follow, and that the call has ended well, with nothing more to be said of that.
struct WholeMessage {
  std::uint64_t exchange = 0;
  std::string_view message;
  std::optional<StartPart> start;  // its `metadata` is empty
  bool end = false;
  bool ends_ok = false;
};
std::size_t SizeOf(const WholeMessage& whole);
// All of it, and returns the end.
// REQUIRES: SizeOf(whole) bytes at `out`
char* EncodeWholeMessage(const WholeMessage& whole, char* out);
// False if the next frame is another, or was encoded in another way.
bool DecodeWholeMessage(std::string_view& list, WholeMessage& whole);

struct Hello {
  std::uint32_t revision = 0;
  std::uint64_t max_message_bytes = 0;
  std::uint64_t max_exchanges = 0;
  std::vector<std::string> methods;
};
std::string EncodeHello(const Hello& hello);
bool DecodeHello(std::string_view encoded, Hello& hello);

std::string EncodeMetadata(const Metadata& metadata);
// False if it is malformed, or not valid as metadata.
bool DecodeMetadata(std::string_view encoded, Metadata& metadata);

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_SESSION_FRAME_H_
