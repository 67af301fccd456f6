#include "tests/bad_input/http2.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace parley::bad_input_test {
namespace {

// A string as HPACK has it, not Huffman coded.
std::string HpackString(std::string_view text) {
  std::string length;
  std::size_t rest = text.size();
  if (rest < 127) {
    length.push_back(static_cast<char>(rest));
  } else {
    length.push_back(127);
    for (rest -= 127; rest >= 128; rest /= 128) {
      length.push_back(static_cast<char>(rest % 128 + 128));
    }
    length.push_back(static_cast<char>(rest));
  }
  return absl::StrCat(length, std::string(text));
}

std::uint32_t FromBigEndian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
  return value;
}

constexpr std::size_t kFrameHeaderBytes = 9;

}  // namespace

std::string BigEndian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift));
  return bytes;
}

std::string Frame::ToString() const {
  std::string bytes = BigEndian(static_cast<std::uint32_t>(payload.size())).substr(1);
  bytes.push_back(static_cast<char>(type));
  bytes.push_back(static_cast<char>(flags));
  return bytes + BigEndian(stream) + payload;
}

std::string HeaderBlock(const Headers& headers) {
  std::string block;
  for (const auto& [name, value] : headers) {
    block.push_back('\0');  // a literal with a new name, not to be remembered
    block += HpackString(name) + HpackString(value);
  }
  return block;
}

std::string Message(std::string_view bytes, bool compressed, std::optional<std::uint32_t> says) {
  std::string message(1, compressed ? '\1' : '\0');
  message += BigEndian(says.value_or(static_cast<std::uint32_t>(bytes.size())));
  return message.append(bytes);
}

Headers CallHeaders(std::string_view method) {
  return {{":method", "POST"},
          {":scheme", "http"},
          {":path", absl::StrCat("/", std::string(method))},
          {":authority", "localhost"},
          {"te", "trailers"},
          {"content-type", "application/grpc"},
          {"grpc-timeout", "20S"}};
}

Headers With(Headers headers, std::string_view name, std::optional<std::string> value) {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [&](const auto& header) { return header.first == name; });
  if (found == headers.end()) {
    headers.emplace_back(name, value.value_or(""));
  } else if (value) {
    found->second = *value;
  } else {
    headers.erase(found);
  }
  return headers;
}

std::string RandomBytes(std::mt19937& random, std::size_t most_bytes) {
  std::string bytes(random() % (most_bytes + 1), '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

Frame RandomFrame(std::mt19937& random, std::string payload) {
  Frame frame;
  frame.type = static_cast<std::uint8_t>(random() % 11);
  frame.flags = static_cast<std::uint8_t>(random());
  frame.stream = static_cast<std::uint32_t>(random() % 4);
  frame.payload = std::move(payload);
  return frame;
}

std::string Opening() { return std::string(kPreface) + Frame{kSettings, 0, 0, ""}.ToString(); }

bool FrameReader::Fill(std::size_t bytes) {
  while (received_.size() < bytes) {
    const std::string more = socket_.Receive();
    if (more.empty()) return false;
    const std::size_t skipped = std::min(skip_bytes_, more.size());
    skip_bytes_ -= skipped;
    received_ += more.substr(skipped);
  }
  return true;
}

std::optional<Frame> FrameReader::Next() {
  if (!Fill(kFrameHeaderBytes)) return std::nullopt;
  const std::size_t size = FromBigEndian(std::string_view(received_).substr(0, 3));
  if (!Fill(kFrameHeaderBytes + size)) return std::nullopt;
  Frame frame;
  frame.type = static_cast<std::uint8_t>(received_[3]);
  frame.flags = static_cast<std::uint8_t>(received_[4]);
  frame.stream = FromBigEndian(std::string_view(received_).substr(5, 4));
  frame.payload = received_.substr(kFrameHeaderBytes, size);
  received_.erase(0, kFrameHeaderBytes + size);
  return frame;
}

std::optional<Frame> FrameReader::NextOf(FrameType type) {
  while (std::optional<Frame> frame = Next()) {
    if (frame->type == type) return frame;
  }
  return std::nullopt;
}

}  // namespace parley::bad_input_test
