#include "src/wire/grpc/convert.h"

#include <grpc/slice.h>
#include <grpcpp/support/slice.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "src/wire/status_details.h"

namespace parley::detail {
namespace {

constexpr std::size_t kSmallBytes = 4096;
// To hold on to an owner that is not gRPC's takes more than copying this much.
constexpr std::size_t kCopiedBytes = 512;

// A block's owner is the slice's reference count; gRPC's own functions need a slice around it.
grpc_slice SliceOf(void* owner, const char* data, std::size_t size) {
  grpc_slice slice;
  slice.refcount = static_cast<grpc_slice_refcount*>(owner);
  slice.data.refcounted.bytes = reinterpret_cast<uint8_t*>(const_cast<char*>(data));
  slice.data.refcounted.length = size;
  return slice;
}

void RefSlice(void* owner) { grpc_slice_ref(SliceOf(owner, nullptr, 0)); }
void UnrefSlice(void* owner) { grpc_slice_unref(SliceOf(owner, nullptr, 0)); }
constexpr OwnerOps kSliceOps = {&RefSlice, &UnrefSlice};

// Takes over `slice`.
Block FromSlice(grpc_slice slice) {
  const char* data = reinterpret_cast<const char*>(GRPC_SLICE_START_PTR(slice));
  const std::size_t size = GRPC_SLICE_LENGTH(slice);
  if (slice.refcount != nullptr) return Block(&kSliceOps, slice.refcount, data, size);
  static_assert(Block::kInlineBytes >= GRPC_SLICE_INLINED_SIZE);
  Block block = Block::Inline(size);
  std::memcpy(block.mutable_data(), data, size);
  return block;
}

// On whichever thread gRPC has used it last.
void ReleaseSentBlock(void* block) { delete static_cast<Block*>(block); }

grpc::Slice ToSlice(const Block& block) {
  if (block.ops() == &kSliceOps) {
    return grpc::Slice(SliceOf(block.owner(), block.data(), block.size()), grpc::Slice::ADD_REF);
  }
  if (block.ops() == nullptr || block.size() <= kCopiedBytes) {
    return grpc::Slice(block.data(), block.size());
  }
  return grpc::Slice(const_cast<char*>(block.data()), block.size(), ReleaseSentBlock,
                     new Block(block));
}

}  // namespace

Block AllocateSlice(std::size_t size) { return FromSlice(grpc_slice_malloc(size)); }

grpc::ByteBuffer ToByteBuffer(const Buffer& buffer) {
  absl::InlinedVector<grpc::Slice, 4> slices;
  for (const Block& block : buffer.pieces()) slices.push_back(ToSlice(block));
  return grpc::ByteBuffer(slices.data(), slices.size());
}

Payload FromByteBuffer(const grpc::ByteBuffer& bytes) {
  Buffer buffer;
  grpc::Slice single;
  // A small message that lies across two reads is copied for less than its pieces cost.
  const bool small = bytes.Length() > 0 && bytes.Length() <= kSmallBytes;
  if (bytes.TrySingleSlice(&single).ok() || (small && bytes.DumpToSingleSlice(&single).ok())) {
    buffer.AppendPiece(FromSlice(single.c_slice()));
    return Payload(std::move(buffer));
  }
  std::vector<grpc::Slice> slices;
  // Fails only for a compressed buffer that can't be inflated, and those gRPC does not deliver.
  if (bytes.Dump(&slices).ok()) {
    for (const grpc::Slice& slice : slices) buffer.AppendPiece(FromSlice(slice.c_slice()));
  }
  return Payload(std::move(buffer));
}

Block ToBlock(const Payload& payload) {
  const absl::Span<const Block> pieces = payload.bytes().pieces();
  if (pieces.empty()) return Block();
  if (pieces.size() == 1) return pieces.front();
  Block whole = AllocateSlice(payload.size_bytes());
  char* out = whole.mutable_data();
  for (const Block& piece : pieces) {
    if (piece.size() == 0) continue;
    std::memcpy(out, piece.data(), piece.size());
    out += piece.size();
  }
  return whole;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.raw_code()),
                      std::string(status.message()), DetailsOf(status));
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  // What is no code at all is -1 there.
  return MakeStatus(static_cast<std::uint32_t>(status.error_code()), status.error_message(),
                    status.error_details());
}

absl::Status FromFinalStatus(const grpc::Status& status) {
  // A server that shuts down resets the calls that reach it, and gRPC then says this, in these
  // words. The caller's own cancelling does not come this way.
  const bool reset = status.error_code() == grpc::StatusCode::CANCELLED &&
                     status.error_message() == "CANCELLED" && status.error_details().empty();
  if (reset) {
    return absl::UnavailableError("the server cut the call off; it may be shutting down");
  }
  return FromGrpcStatus(status);
}

int ToGrpcInt(std::size_t value) {
  constexpr int kMost = std::numeric_limits<int>::max();
  return value > static_cast<std::size_t>(kMost) ? kMost : static_cast<int>(value);
}

int ToGrpcMilliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(std::min(duration, absl::Hours(24))));
}

Metadata FromGrpcMetadata(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata) {
  Metadata result;
  for (const auto& [key, value] : metadata) {
    result.Add({key.data(), key.size()}, {value.data(), value.size()});
  }
  return result;
}

}  // namespace parley::detail
