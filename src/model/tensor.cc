#include "parley/model/tensor.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <limits>
#include <memory>
#include <new>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/counted_owner.h"
#include "src/model/tensor_memory.h"

namespace parley {
namespace {

// Elements are sent as they lie in memory.
static_assert(std::endian::native == std::endian::little);

constexpr std::size_t kAlignment = 64;
// A shorter piece is copied, since it would keep all of the block of up to 64 KiB that it was received in.
constexpr std::size_t kLeastShared = 4096;
using detail::AllocateAligned;
using detail::kBytesLengthBytes;

// In front of a tensor's own memory.
struct alignas(kAlignment) TensorHeader {
  static void operator delete(void* memory) {
    ::operator delete (memory, std::align_val_t{kAlignment});
  }
  std::atomic<int> references = 1;
};

// Debian's Abseil has a string_view of its own.
absl::string_view Name(DataType type) {
  const std::string_view name = DataTypeName(type);
  return {name.data(), name.size()};
}

// What `elements` elements of `type` take, if that is settled.
absl::StatusOr<std::size_t> SizeOf(DataType type, std::size_t elements,
                                   absl::Span<const std::int64_t> shape) {
  const std::size_t element_bytes = ElementBytes(type);
  if (element_bytes == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("elements of type ", Name(type), " have no size of their own"));
  }
  if (elements > std::numeric_limits<std::int64_t>::max() / element_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("shape ", ShapeText(shape), " has more bytes than there can be"));
  }
  return elements * element_bytes;
}

// To one of its elements.
std::size_t AlignmentOf(DataType type) { return std::max<std::size_t>(ElementBytes(type), 1); }

bool IsAligned(DataType type, const char* elements) {
  return reinterpret_cast<std::uintptr_t>(elements) % AlignmentOf(type) == 0;
}

// Whether `bytes` are `elements` BYTES elements.
absl::Status CheckBytesElements(std::string_view bytes, std::size_t elements) {
  const std::size_t size_bytes = bytes.size();
  std::size_t found = 0;
  for (; !bytes.empty(); ++found) {
    if (found == elements) {
      return absl::InvalidArgumentError(absl::StrCat(bytes.size(), " of ", size_bytes,
                                                     " bytes come after the last of ", elements,
                                                     " BYTES elements"));
    }
    const bool has_length = bytes.size() >= kBytesLengthBytes;
    if (!has_length || bytes.size() - kBytesLengthBytes < detail::BytesLengthAt(bytes.data())) {
      std::string cut = absl::StrCat("BYTES element ", found, " of ", elements,
                                     " is cut off: ", bytes.size(), " bytes are left");
      if (has_length)
        absl::StrAppend(&cut, " for a length of ", detail::BytesLengthAt(bytes.data()));
      return absl::InvalidArgumentError(cut);
    }
    bytes.remove_prefix(kBytesLengthBytes + detail::BytesLengthAt(bytes.data()));
  }
  if (found == elements) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(found, " BYTES elements where the shape says ", elements));
}

absl::Status CheckBools(std::string_view bytes) {
  char all = 0;
  for (const char byte : bytes) all |= byte;
  if ((all & ~1) == 0) return absl::OkStatus();
  const auto* const bad = std::find_if(bytes.begin(), bytes.end(), [](char c) { return c & ~1; });
  return absl::InvalidArgumentError(absl::StrCat("BOOL element ", bad - bytes.begin(), " is ",
                                                 static_cast<unsigned char>(*bad),
                                                 ", neither 0 nor 1"));
}

// Whether bytes of the right number are such elements.
absl::Status CheckElements(DataType type, std::size_t elements, std::string_view bytes) {
  if (type == DataType::kBytes) return CheckBytesElements(bytes, elements);
  if (type == DataType::kBool) return CheckBools(bytes);
  return absl::OkStatus();
}

// Whether as many bytes as these can be the elements; says how many elements there are.
absl::StatusOr<std::size_t> CheckSize(DataType type, absl::Span<const std::int64_t> shape,
                                      std::size_t size_bytes) {
  absl::StatusOr<std::size_t> elements = ElementCount(shape);
  if (!elements.ok()) return elements;
  if (type == DataType::kBytes) {
    if (*elements <= size_bytes / kBytesLengthBytes) return elements;
    return absl::InvalidArgumentError(absl::StrCat(size_bytes, " bytes can't be ", *elements,
                                                   " BYTES elements, as shape ", ShapeText(shape),
                                                   " says"));
  }
  const absl::StatusOr<std::size_t> expected = SizeOf(type, *elements, shape);
  if (!expected.ok()) return expected.status();
  if (*expected == size_bytes) return elements;
  return absl::InvalidArgumentError(
      absl::StrCat(size_bytes, " bytes where shape ", ShapeText(shape), " needs ", *expected));
}

}  // namespace

detail::Block detail::AllocateAligned(std::size_t size_bytes) {
  void* const memory =
      ::operator new (sizeof(TensorHeader) + size_bytes, std::align_val_t{kAlignment});
  auto* const header = new (memory) TensorHeader;
  return detail::Block(&detail::kCountedOps<TensorHeader>, header,
                       reinterpret_cast<char*>(header + 1), size_bytes);
}

std::string ShapeText(absl::Span<const std::int64_t> shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ","), "]");
}

absl::StatusOr<std::size_t> ElementCount(absl::Span<const std::int64_t> shape) {
  if (shape.size() > Tensor::kMostDimensions) {
    return absl::InvalidArgumentError(absl::StrCat("a shape of ", shape.size(), " dimensions; ",
                                                   Tensor::kMostDimensions, " are the most"));
  }
  std::int64_t elements = 1;
  bool overflow = false;
  bool empty = false;
  for (const std::int64_t dimension : shape) {
    if (dimension < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("shape ", ShapeText(shape), " has a negative dimension"));
    }
    empty = empty || dimension == 0;
    overflow = overflow || __builtin_mul_overflow(elements, dimension, &elements);
  }
  if (empty) return std::size_t{0};
  if (overflow) {
    return absl::InvalidArgumentError(
        absl::StrCat("shape ", ShapeText(shape), " has more elements than there can be"));
  }
  return static_cast<std::size_t>(elements);
}

absl::StatusOr<Tensor> Tensor::Zeros(DataType type, Shape shape) {
  const absl::StatusOr<std::size_t> elements = ElementCount(shape);
  if (!elements.ok()) return elements.status();
  const absl::StatusOr<std::size_t> size_bytes = SizeOf(type, *elements, shape);
  if (!size_bytes.ok()) return size_bytes.status();
  detail::Block block = AllocateAligned(*size_bytes);
  std::memset(block.mutable_data(), 0, *size_bytes);
  return Tensor(type, std::move(shape), *elements, std::move(block));
}

absl::StatusOr<Tensor> Tensor::CopyOf(DataType type, Shape shape, std::string_view bytes) {
  const absl::StatusOr<std::size_t> elements = CheckSize(type, shape, bytes.size());
  if (!elements.ok()) return elements.status();
  detail::Block block = AllocateAligned(bytes.size());
  if (!bytes.empty()) std::memcpy(block.mutable_data(), bytes.data(), bytes.size());
  return Tensor(type, std::move(shape), *elements, std::move(block));
}

absl::StatusOr<Tensor> Tensor::OfBytes(absl::Span<const std::string_view> elements, Shape shape) {
  const absl::StatusOr<std::size_t> expected = ElementCount(shape);
  if (!expected.ok()) return expected.status();
  if (*expected != elements.size()) {
    return absl::InvalidArgumentError(absl::StrCat(elements.size(), " elements where shape ",
                                                   ShapeText(shape), " has ", *expected));
  }
  std::size_t size_bytes = 0;
  for (const std::string_view element : elements) {
    if (element.size() > std::numeric_limits<std::uint32_t>::max()) {
      return absl::ResourceExhaustedError(
          absl::StrCat("a BYTES element of ", element.size(), " bytes; its length has 4 bytes"));
    }
    size_bytes += kBytesLengthBytes + element.size();
  }
  detail::Block block = AllocateAligned(size_bytes);
  char* to = block.mutable_data();
  for (const std::string_view element : elements) {
    const auto length = static_cast<std::uint32_t>(element.size());
    std::memcpy(to, &length, kBytesLengthBytes);
    to += kBytesLengthBytes;
    if (!element.empty()) std::memcpy(to, element.data(), element.size());
    to += element.size();
  }
  return Tensor(DataType::kBytes, std::move(shape), elements.size(), std::move(block));
}

absl::StatusOr<Tensor> Tensor::Wrap(DataType type, Shape shape, std::string_view bytes,
                                    std::function<void()> release) {
  const std::shared_ptr<const void> owner(bytes.data(),
                                          [release = std::move(release)](const void*) {
                                            if (release) release();
                                          });
  const absl::StatusOr<std::size_t> elements = CheckSize(type, shape, bytes.size());
  if (!elements.ok()) return elements.status();
  if (!IsAligned(type, bytes.data())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the memory of the elements is not aligned to their ", AlignmentOf(type), " bytes"));
  }
  if (absl::Status status = CheckElements(type, *elements, bytes); !status.ok()) {
    return status;
  }
  if (bytes.empty()) return CopyOf(type, std::move(shape), bytes);
  Buffer buffer;
  buffer.AppendReference(bytes, owner);
  return Tensor(type, std::move(shape), *elements, buffer.pieces()[0]);
}

absl::StatusOr<Tensor> Tensor::FromBuffer(DataType type, Shape shape, const Buffer& bytes) {
  const absl::StatusOr<std::size_t> elements = CheckSize(type, shape, bytes.size_bytes());
  if (!elements.ok()) return elements.status();
  detail::Block block;
  const auto is_usable = [&](const detail::Block& piece) {
    return piece.ops() != nullptr && piece.size() >= kLeastShared && IsAligned(type, piece.data());
  };
  if (bytes.pieces().size() == 1 && is_usable(bytes.pieces()[0])) {
    block = bytes.pieces()[0];
  } else {
    block = AllocateAligned(bytes.size_bytes());
    char* to = block.mutable_data();
    for (const detail::Block& piece : bytes.pieces()) {
      std::memcpy(to, piece.data(), piece.size());
      to += piece.size();
    }
  }
  if (absl::Status status = CheckElements(type, *elements, block.view()); !status.ok()) {
    return status;
  }
  return Tensor(type, std::move(shape), *elements, std::move(block));
}

absl::StatusOr<std::vector<std::string_view>> Tensor::BytesValues() const {
  if (absl::Status status = CheckType(DataType::kBytes); !status.ok()) return status;
  std::vector<std::string_view> elements;
  elements.reserve(element_count_);
  for (std::string_view left = bytes(); !left.empty();) {
    elements.push_back(left.substr(kBytesLengthBytes, detail::BytesLengthAt(left.data())));
    left.remove_prefix(kBytesLengthBytes + elements.back().size());
  }
  return elements;
}

absl::StatusOr<Tensor> Tensor::Reshaped(Shape shape) const {
  const absl::StatusOr<std::size_t> elements = ElementCount(shape);
  if (!elements.ok()) return elements.status();
  if (*elements != element_count_) {
    return absl::InvalidArgumentError(absl::StrCat("shape ", ShapeText(shape), " has ", *elements,
                                                   " elements, the tensor ", element_count_));
  }
  return Tensor(type_, std::move(shape), element_count_, block_);
}

void Tensor::AppendTo(Buffer& out) const {
  if (block_.size() > 0) out.AppendPiece(block_);
}

absl::Status Tensor::CheckType(DataType type) const {
  if (type_ == type) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the elements are of type ", Name(type_), ", not ", Name(type)));
}

}  // namespace parley
