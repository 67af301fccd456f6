// What a peer of a session sends, written out: frames as text, through protoc's code, or any bytes. For
// the tests of peers that break the protocol.
#ifndef PARLEY_TESTS_BAD_INPUT_SESSION_BATCH_H_
#define PARLEY_TESTS_BAD_INPUT_SESSION_BATCH_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "google/protobuf/text_format.h"
#include "parley/v1/session.pb.h"

namespace parley::bad_input_test {

inline constexpr char kHello[] =
    "hello { revision: 1 max_message_bytes: 1000000 max_exchanges: 1000 }";
inline constexpr char kBroken[] = "the peer broke the session protocol: ";

inline v1::Frame SessionFrame(const std::string& text) {
  v1::Frame frame;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &frame)) << text;
  return frame;
}

// The frames as one gRPC message; either side's are encoded alike.
inline std::string BatchOf(const std::vector<std::string>& frames) {
  v1::OpenRequest batch;
  for (const std::string& text : frames) *batch.add_frames() = SessionFrame(text);
  return batch.SerializeAsString();
}
template <class... Frames>
std::string Batch(const Frames&... frames) {
  return BatchOf({std::string(frames)...});
}

inline std::string WithoutLastByte(std::string batch) {
  batch.pop_back();
  return batch;
}

// Bytes that are no batch, by what is wrong with them.
inline const std::string kNoFrames("\xff\xff\xff\xff", 4);
inline const std::string kFrameOfNoEnd("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10);
inline const std::string kNumberOfNoEnd("\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 13);
inline const std::string kUnknownPart("\x0a\x02\x60\x01", 4);  // field 12

}  // namespace parley::bad_input_test

#endif  // PARLEY_TESTS_BAD_INPUT_SESSION_BATCH_H_
