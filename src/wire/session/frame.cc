#include "src/wire/session/frame.h"

#include <memory>

#include "src/wire/session/proto_fields.h"

namespace parley::detail {
namespace {

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
      case Tag(4, kVarint):
        start->same_method = fields.number() != 0;
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

// Without metadata, and encoded by EncodeFrame.
bool DecodeBareStart(std::string_view encoded, StartPart& start) {
  Expected parts(encoded);
  parts.Bytes(1, start.method);
  parts.Number(2, start.timeout_us);
  std::uint64_t same = 0;
  start.same_method = parts.Number(4, same) && same != 0;
  return parts.rest().empty();
}

std::size_t SizeOf(const StartPart& start) {
  return TextSize(start.method) + NumberSize(start.timeout_us) + TextSize(start.metadata) +
         NumberSize(start.same_method);
}
std::size_t SizeOf(const StatusPart& status) {
  return NumberSize(status.code) + TextSize(status.message) + TextSize(status.details) +
         TextSize(status.metadata);
}

std::size_t BodySize(const WholeMessage& whole) {
  return NumberSize(whole.exchange) + (whole.start ? BytesSize(SizeOf(*whole.start)) : 0) +
         NumberSize(whole.end) + (whole.ends_ok ? BytesSize(0) : 0) +
         BytesSize(whole.message.size());
}

char* PutStart(const StartPart& start, std::size_t size, char* out) {
  out = PutLength(2, size, out);
  out = PutText(1, start.method, out);
  out = PutNumber(2, start.timeout_us, out);
  out = PutText(3, start.metadata, out);
  return PutNumber(4, start.same_method, out);
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
  if (frame.start) out = PutStart(*frame.start, size.start_, out);
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
  if (whole.start) out = PutStart(*whole.start, SizeOf(*whole.start), out);
  out = PutNumber(6, whole.end, out);
  if (whole.ends_ok) out = PutLength(7, 0, out);
  return PutBytes(4, whole.message, out);
}

bool DecodeWholeMessage(std::string_view& list, WholeMessage& whole) {
  Expected frames(list);
  std::string_view frame;
  if (!frames.Bytes(kFrames, frame)) return false;
  Expected parts(frame);
  std::string_view start;
  std::string_view status;
  std::uint64_t end = 0;
  if (!parts.Number(1, whole.exchange)) return false;
  if (parts.Bytes(2, start) && !DecodeBareStart(start, whole.start.emplace())) return false;
  whole.end = parts.Number(6, end) && end != 0;
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
