// parley's bytes, statuses and metadata as gRPC has them, and back. What is copied is small:
// what fits in a block without an owner, and messages of up to 4 KiB that arrived in pieces.
#ifndef PARLEY_SRC_WIRE_GRPC_CONVERT_H_
#define PARLEY_SRC_WIRE_GRPC_CONVERT_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>
#include <grpcpp/support/string_ref.h>

#include <cstddef>
#include <map>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "parley/buffer.h"
#include "parley/detail/payload.h"
#include "parley/metadata.h"

namespace parley::detail {

// Allocates a gRPC slice, so that what is encoded into it is sent from where it is.
Block AllocateSlice(std::size_t size);

grpc::ByteBuffer ToByteBuffer(const Buffer& buffer);
Payload FromByteBuffer(const grpc::ByteBuffer& bytes);

// All of it in one block: its own if it is one, else a copy.
Block ToBlock(const Payload& payload);

// Error details travel as a payload of the status under the name of their metadata,
// "grpc-status-details-bin".
grpc::Status ToGrpcStatus(const absl::Status& status);
absl::Status FromGrpcStatus(const grpc::Status& status);
// How a client's call ended.
absl::Status FromFinalStatus(const grpc::Status& status);

// Channel arguments are ints; what is larger becomes the largest.
int ToGrpcInt(std::size_t value);
int ToGrpcMilliseconds(absl::Duration duration);

Metadata FromGrpcMetadata(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata);

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_GRPC_CONVERT_H_
