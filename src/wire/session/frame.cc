#include "src/wire/session/frame.h"

#include <bit>
#include <cstring>
#include <memory>

namespace parley::detail {
namespace {

// --- What protobuf's encoding is made of: a tag is a field's number and the form of its value.

enum Form : std::uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

constexpr std::uint32_t Tag(std::uint32_t field, Form form) { return field << 3 | form; }

constexpr std::size_t VarintSize(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

char* PutVarint(std::uint64_t value, char* out) {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}

// All fields have numbers below 16, so that their tags are one byte.
constexpr std::size_t NumberSize(std::uint64_t value) {
  return value == 0 ? 0 : 1 + VarintSize(value);
}
constexpr std::size_t BytesSize(std::size_t size) { return 1 + VarintSize(size) + size; }
constexpr std::size_t TextSize(std::string_view text) {
  return text.empty() ? 0 : BytesSize(text.size());
}

char* PutNumber(std::uint32_t field, std::uint64_t value, char* out) {
  if (value == 0) return out;
  *out++ = static_cast<char>(Tag(field, kVarint));
  return PutVarint(value, out);
}
char* PutLength(std::uint32_t field, std::size_t size, char* out) {
  *out++ = static_cast<char>(Tag(field, kBytes));
  return PutVarint(size, out);
}
char* PutBytes(std::uint32_t field, std::string_view bytes, char* out) {
  out = PutLength(field, bytes.size(), out);
  if (bytes.empty()) return out;
  std::memcpy(out, bytes.data(), bytes.size());
  return out + bytes.size();
}
char* PutText(std::uint32_t field, std::string_view text, char* out) {
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
    if (at_ != end_ && static_cast<unsigned char>(*at_) < 0x80) {
      return static_cast<unsigned char>(*at_++);
    }
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && at_ != end_; shift += 7) {
      const auto byte = static_cast<unsigned char>(*at_++);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
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
    return at != nullptr && Varint(at, number) && Advance(at);
  }
  bool Bytes(std::uint32_t field, std::string_view& bytes) {
    const char* at = After(Tag(field, kBytes));
    std::uint64_t size = 0;
    if (at == nullptr || !Varint(at, size) || size > static_cast<std::uint64_t>(End() - at)) {
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
  // Moves `at` behind it.
  bool Varint(const char*& at, std::uint64_t& value) const {
    value = 0;
    for (unsigned shift = 0; shift < 64 && at != End(); shift += 7) {
      const auto byte = static_cast<unsigned char>(*at++);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool Advance(const char* to) {
    rest_.remove_prefix(static_cast<std::size_t>(to - rest_.data()));
    return true;
  }

  std::string_view rest_;
};

constexpr std::uint32_t kFrames = 1;  // in OpenRequest and OpenResponse

// --- The parts of a frame. Fields that a part does not know are ignored.

bool Decode(std::string_view encoded, std::optional<StartPart>& start) {
  if (start) return false;
  start.emplace();
  Fields fields(encoded);
  while (fields.Next()) {
    switch (fields.tag()) {
      case Tag(1, kBytes):
        start->method = fields.bytes();
        break;
      case Tag(2, kVarint):
        start->timeout_us = fields.number();
        break;
      case Tag(3, kBytes):
        start->metadata = fields.bytes();
        break;
    }
  }
  return !fields.malformed();
}

bool Decode(std::string_view encoded, std::optional<StatusPart>& status) {
  if (status) return false;
  status.emplace();
  Fields fields(encoded);
  while (fields.Next()) {
    switch (fields.tag()) {
      case Tag(1, kVarint):
        status->code = static_cast<std::uint32_t>(fields.number());
        break;
      case Tag(2, kBytes):
        status->message = fields.bytes();
        break;
      case Tag(3, kBytes):
        status->details = fields.bytes();
        break;
      case Tag(4, kBytes):
        status->metadata = fields.bytes();
        break;
    }
  }
  return !fields.malformed();
}

bool Decode(std::string_view encoded, std::optional<DrainPart>& drain) {
  if (drain) return false;
  drain.emplace();
  Fields fields(encoded);
  while (fields.Next()) {
    if (fields.tag() == Tag(1, kVarint)) drain->last_exchange = fields.number();
  }
  return !fields.malformed();
}

bool Decode(std::string_view encoded, std::optional<std::string_view>& bytes) {
  if (bytes) return false;
  bytes = encoded;
  return true;
}

bool Decode(std::string_view encoded, Frame& frame) {
  Fields fields(encoded);
  bool good = true;
  while (good && fields.Next()) {
    switch (fields.tag()) {
      case Tag(1, kVarint):
        frame.exchange = fields.number();
        break;
      case Tag(2, kBytes):
        good = Decode(fields.bytes(), frame.start);
        break;
      case Tag(3, kBytes):
        good = Decode(fields.bytes(), frame.headers);
        break;
      case Tag(4, kBytes):
        good = Decode(fields.bytes(), frame.message);
        break;
      case Tag(5, kVarint):
        frame.remaining_bytes = fields.number();
        break;
      case Tag(6, kVarint):
        frame.end = fields.number() != 0;
        break;
      case Tag(7, kBytes):
        good = Decode(fields.bytes(), frame.status);
        break;
      case Tag(8, kVarint):
        frame.cancel = fields.number() != 0;
        break;
      case Tag(9, kVarint):
        frame.credit_bytes = fields.number();
        break;
      case Tag(10, kBytes):
        good = Decode(fields.bytes(), frame.hello);
        break;
      case Tag(11, kBytes):
        good = Decode(fields.bytes(), frame.drain);
        break;
      case Tag(15, kVarint):
        frame.skippable = fields.number() != 0;
        break;
      default:
        frame.has_unknown_part = true;
    }
  }
  return good && !fields.malformed();
}

std::size_t SizeOf(const StartPart& start) {
  return TextSize(start.method) + NumberSize(start.timeout_us) + TextSize(start.metadata);
}
std::size_t SizeOf(const StatusPart& status) {
  return NumberSize(status.code) + TextSize(status.message) + TextSize(status.details) +
         TextSize(status.metadata);
}

std::size_t BodySize(const WholeMessage& whole) {
  return NumberSize(whole.exchange) + (whole.ends_ok ? BytesSize(0) : 0) +
         BytesSize(whole.message.size());
}

}  // namespace

FrameSize::FrameSize(const Frame& frame) {
  body_ = NumberSize(frame.exchange);
  if (frame.start) body_ += BytesSize(start_ = SizeOf(*frame.start));
  if (frame.headers) body_ += BytesSize(frame.headers->size());
  if (frame.message) body_ += BytesSize(message_ = frame.message->size());
  body_ += NumberSize(frame.remaining_bytes) + NumberSize(frame.end) + NumberSize(frame.cancel) +
           NumberSize(frame.credit_bytes) + NumberSize(frame.skippable);
  if (frame.status) body_ += BytesSize(status_ = SizeOf(*frame.status));
  if (frame.hello) body_ += BytesSize(frame.hello->size());
  if (frame.drain) body_ += BytesSize(drain_ = NumberSize(frame.drain->last_exchange));
  total_ = BytesSize(body_);
}

char* EncodeFrame(const Frame& frame, const FrameSize& size, char* out) {
  out = PutLength(kFrames, size.body_, out);
  out = PutNumber(1, frame.exchange, out);
  if (frame.start) {
    out = PutLength(2, size.start_, out);
    out = PutText(1, frame.start->method, out);
    out = PutNumber(2, frame.start->timeout_us, out);
    out = PutText(3, frame.start->metadata, out);
  }
  if (frame.headers) out = PutBytes(3, *frame.headers, out);
  out = PutNumber(5, frame.remaining_bytes, out);
  out = PutNumber(6, frame.end, out);
  if (frame.status) {
    out = PutLength(7, size.status_, out);
    out = PutNumber(1, frame.status->code, out);
    out = PutText(2, frame.status->message, out);
    out = PutText(3, frame.status->details, out);
    out = PutText(4, frame.status->metadata, out);
  }
  out = PutNumber(8, frame.cancel, out);
  out = PutNumber(9, frame.credit_bytes, out);
  if (frame.hello) out = PutBytes(10, *frame.hello, out);
  if (frame.drain) {
    out = PutLength(11, size.drain_, out);
    out = PutNumber(1, frame.drain->last_exchange, out);
  }
  out = PutNumber(15, frame.skippable, out);
  if (frame.message) out = PutLength(4, frame.message->size(), out);
  return out;
}

Decoded DecodeFrame(std::string_view& list, Frame& frame) {
  if (list.empty()) return Decoded::kNone;
  std::construct_at(&frame);  // an assignment would look at what was there
  Fields fields(list);
  if (!fields.Next()) return Decoded::kMalformed;
  if (fields.tag() == Tag(kFrames, kBytes)) {
    if (!Decode(fields.bytes(), frame)) return Decoded::kMalformed;
  } else {
    frame.has_unknown_part = true;
  }
  list = fields.rest();
  return Decoded::kFrame;
}

std::size_t SizeOf(const WholeMessage& whole) { return BytesSize(BodySize(whole)); }

char* EncodeWholeMessage(const WholeMessage& whole, char* out) {
  out = PutLength(kFrames, BodySize(whole), out);
  out = PutNumber(1, whole.exchange, out);
  if (whole.ends_ok) out = PutLength(7, 0, out);
  return PutBytes(4, whole.message, out);
}

bool DecodeWholeMessage(std::string_view& list, WholeMessage& whole) {
  Expected frames(list);
  std::string_view frame;
  if (!frames.Bytes(kFrames, frame)) return false;
  Expected parts(frame);
  std::string_view status;
  if (!parts.Number(1, whole.exchange)) return false;
  whole.ends_ok = parts.Bytes(7, status);
  if (!status.empty()) return false;
  if (!parts.Bytes(4, whole.message) || !parts.rest().empty()) return false;
  list = frames.rest();
  return true;
}

std::string EncodeHello(const Hello& hello) {
  std::size_t size = NumberSize(hello.revision) + NumberSize(hello.max_message_bytes) +
                     NumberSize(hello.max_exchanges);
  for (const std::string& method : hello.methods) size += BytesSize(method.size());
  std::string encoded(size, '\0');
  char* out = PutNumber(1, hello.revision, encoded.data());
  out = PutNumber(2, hello.max_message_bytes, out);
  out = PutNumber(3, hello.max_exchanges, out);
  for (const std::string& method : hello.methods) out = PutBytes(4, method, out);
  return encoded;
}

bool DecodeHello(std::string_view encoded, Hello& hello) {
  Fields fields(encoded);
  while (fields.Next()) {
    switch (fields.tag()) {
      case Tag(1, kVarint):
        hello.revision = static_cast<std::uint32_t>(fields.number());
        break;
      case Tag(2, kVarint):
        hello.max_message_bytes = fields.number();
        break;
      case Tag(3, kVarint):
        hello.max_exchanges = fields.number();
        break;
      case Tag(4, kBytes):
        hello.methods.emplace_back(fields.bytes());
        break;
    }
  }
  return !fields.malformed();
}

std::string EncodeMetadata(const Metadata& metadata) {
  std::string encoded;
  for (const auto& [key, value] : metadata) {
    const std::size_t entry = TextSize(key) + TextSize(value);
    const std::size_t before = encoded.size();
    encoded.resize(before + BytesSize(entry));
    char* out = PutLength(1, entry, encoded.data() + before);
    out = PutText(1, key, out);
    PutText(2, value, out);
  }
  return encoded;
}

bool DecodeMetadata(std::string_view encoded, Metadata& metadata) {
  Fields entries(encoded);
  while (entries.Next()) {
    if (entries.tag() != Tag(1, kBytes)) continue;
    std::string_view key;
    std::string_view value;
    Fields fields(entries.bytes());
    while (fields.Next()) {
      if (fields.tag() == Tag(1, kBytes)) key = fields.bytes();
      if (fields.tag() == Tag(2, kBytes)) value = fields.bytes();
    }
    if (fields.malformed()) return false;
    metadata.Add(key, value);
  }
  return !entries.malformed() && metadata.Validate().ok();
}

}  // namespace parley::detail
