// A frame of the hand-written codec as the message that protoc's code has for it, so that one can be
// held against the other. For frame_test and the fuzz targets of sessions.
#ifndef PARLEY_TESTS_SESSION_FRAME_AS_PROTO_H_
#define PARLEY_TESTS_SESSION_FRAME_AS_PROTO_H_

#include <optional>
#include <string>

#include "parley/v1/session.pb.h"
#include "src/wire/session/frame.h"

namespace parley::detail {

// Nothing if a part that the codec leaves encoded (metadata, Hello) is not what it should be.
std::optional<v1::Frame> AsProto(const Frame& frame);

// The frame as the only one of a list. Ends the process if the codec breaks its word about sizes.
std::string Encoded(const Frame& frame);

// Without what the codec does not tell apart: metadata that is there and empty, from none.
v1::Frame Plain(v1::Frame frame);

}  // namespace parley::detail

#endif  // PARLEY_TESTS_SESSION_FRAME_AS_PROTO_H_
