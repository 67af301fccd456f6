#include "tests/session/frame_as_proto.h"

#include <cstring>
#include <string_view>

#include "tests/fuzz/fuzz_input.h"

namespace parley::detail {
namespace {

bool Parse(std::string_view bytes, google::protobuf::Message& message) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace

std::optional<v1::Frame> AsProto(const Frame& frame) {
  v1::Frame proto;
  bool good = true;
  proto.set_exchange(frame.exchange);
  if (frame.start) {
    v1::Start& start = *proto.mutable_start();
    start.set_method(std::string(frame.start->method));
    start.set_timeout_us(frame.start->timeout_us);
    start.set_same_method(frame.start->same_method);
    if (!frame.start->metadata.empty()) {
      good = good && Parse(frame.start->metadata, *start.mutable_metadata());
    }
  }
  if (frame.headers) good = good && Parse(*frame.headers, *proto.mutable_headers());
  if (frame.message) proto.set_message(std::string(*frame.message));
  proto.set_remaining_bytes(frame.remaining_bytes);
  proto.set_end(frame.end);
  if (frame.status) {
    v1::Status& status = *proto.mutable_status();
    status.set_code(frame.status->code);
    status.set_message(std::string(frame.status->message));
    status.set_details(std::string(frame.status->details));
    if (!frame.status->metadata.empty()) {
      good = good && Parse(frame.status->metadata, *status.mutable_metadata());
    }
  }
  proto.set_cancel(frame.cancel);
  proto.set_credit_bytes(frame.credit_bytes);
  if (frame.hello) good = good && Parse(*frame.hello, *proto.mutable_hello());
  if (frame.drain) proto.mutable_drain()->set_last_exchange(frame.drain->last_exchange);
  proto.set_skippable(frame.skippable);
  if (!good) return std::nullopt;
  return proto;
}

std::string Encoded(const Frame& frame) {
  const FrameSize size(frame);
  // Of its own, so that writing beyond it is noticed.
  std::string without_message(size.without_message(), '\0');
  const char* const end = EncodeFrame(frame, size, without_message.data());
  fuzz::Expect(end == without_message.data() + without_message.size(), "without_message()");
  std::string encoded = without_message;
  if (frame.message) encoded.append(*frame.message);
  fuzz::Expect(encoded.size() == size.total(), "total()");
  return encoded;
}

v1::Frame Plain(v1::Frame frame) {
  if (frame.has_start() && frame.start().metadata().entries().empty()) {
    frame.mutable_start()->clear_metadata();
  }
  if (frame.has_status() && frame.status().metadata().entries().empty()) {
    frame.mutable_status()->clear_metadata();
  }
  return frame;
}

}  // namespace parley::detail
