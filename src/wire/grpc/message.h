// A payload as a gRPC message type: gRPC's own extension point for messages that are not protobuf.
// What was encoded is sent from where it is, what arrives is kept where it lies, but for small messages in pieces.
#ifndef PARLEY_SRC_WIRE_GRPC_MESSAGE_H_
#define PARLEY_SRC_WIRE_GRPC_MESSAGE_H_

#include <grpcpp/impl/call_op_set.h>
#include <grpcpp/impl/serialization_traits.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <optional>
#include <utility>

#include "parley/detail/payload.h"
#include "src/wire/grpc/convert.h"

namespace parley::detail {

struct Message {
  // Nothing until a message was received: an empty message is one too.
  std::optional<Payload> payload;
};

// With more to come gRPC may hold a message back, so that one system call sends several.
inline grpc::WriteOptions HeldBack(bool more_follow) {
  grpc::WriteOptions options;
  return more_follow ? options.set_buffer_hint() : options;
}

}  // namespace parley::detail

template <>
class grpc::SerializationTraits<parley::detail::Message> {
 public:
  static grpc::Status Serialize(const parley::detail::Message& message, grpc::ByteBuffer* bytes,
                                bool* own_buffer) {
    grpc::ByteBuffer encoded = parley::detail::ToByteBuffer(message.payload->bytes());
    bytes->Swap(&encoded);
    *own_buffer = true;
    return grpc::Status::OK;
  }
  static grpc::Status Deserialize(grpc::ByteBuffer* bytes, parley::detail::Message* message) {
    message->payload = parley::detail::FromByteBuffer(*bytes);
    bytes->Clear();
    return grpc::Status::OK;
  }
};

#endif  // PARLEY_SRC_WIRE_GRPC_MESSAGE_H_
