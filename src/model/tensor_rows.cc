// Rows of tensors, put together and taken apart: a batch and the requests in it.
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "parley/model/tensor.h"
#include "src/model/tensor_memory.h"

namespace parley {
namespace {

// The shape of `rows` of them.
Shape WithRows(absl::Span<const std::int64_t> shape, std::size_t rows) {
  Shape of_rows(shape.begin(), shape.end());
  of_rows.front() = static_cast<std::int64_t>(rows);
  return of_rows;
}

absl::Status CheckAlike(const Tensor& first, const Tensor& part) {
  if (part.type() != first.type()) {
    return absl::InvalidArgumentError(
        absl::StrCat("rows of type ", std::string(DataTypeName(part.type())), " and of type ",
                     std::string(DataTypeName(first.type())), " do not make one tensor"));
  }
  if (!part.shape().empty() && part.shape().subspan(1) == first.shape().subspan(1)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("rows of shape ", ShapeText(part.shape()),
                                                 " and of shape ", ShapeText(first.shape()),
                                                 " do not make one tensor"));
}

}  // namespace

absl::StatusOr<Tensor> Tensor::JoinRows(absl::Span<const Tensor* const> parts) {
  if (parts.empty() || parts[0]->shape().empty()) {
    return absl::InvalidArgumentError("there are no rows to make a tensor of");
  }
  const Tensor& first = *parts[0];
  if (parts.size() == 1) return first;
  std::int64_t rows = 0;
  std::size_t elements = 0;
  std::size_t size_bytes = 0;
  for (const Tensor* part : parts) {
    if (absl::Status status = CheckAlike(first, *part); !status.ok()) return status;
    if (__builtin_add_overflow(rows, part->shape()[0], &rows)) {
      return absl::InvalidArgumentError("there are more rows than there can be");
    }
    elements += part->element_count();
    size_bytes += part->bytes().size();
  }
  Shape shape = WithRows(first.shape(), static_cast<std::size_t>(rows));
  detail::Block block = detail::AllocateAligned(size_bytes);
  char* to = block.mutable_data();
  for (const Tensor* part : parts) {
    const std::string_view bytes = part->bytes();
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    to += bytes.size();
  }
  return Tensor(first.type(), std::move(shape), elements, std::move(block));
}

absl::StatusOr<std::vector<Tensor>> Tensor::SplitRows(absl::Span<const std::size_t> counts) const {
  std::size_t rows = 0;
  for (const std::size_t count : counts) rows += count;
  if (shape_.empty() || rows != static_cast<std::size_t>(shape_[0])) {
    return absl::InvalidArgumentError(
        absl::StrCat("a tensor of shape ", ShapeText(shape_), " is not ", rows, " rows"));
  }
  const std::size_t row_elements = rows == 0 ? 0 : element_count_ / rows;
  std::vector<Tensor> parts;
  parts.reserve(counts.size());
  const char* at = block_.data();
  for (const std::size_t count : counts) {
    const std::size_t elements = count * row_elements;
    const char* end = at + elements * ElementBytes(type_);
    if (type_ == DataType::kBytes) {
      for (std::size_t i = 0; i < elements; ++i) {
        end += detail::kBytesLengthBytes + detail::BytesLengthAt(end);
      }
    }
    // Rows without a byte share no memory, lest they point behind its end.
    detail::Block block = end == at ? detail::AllocateAligned(0)
                                    : block_.Part(at, static_cast<std::size_t>(end - at));
    parts.push_back(Tensor(type_, WithRows(shape_, count), elements, std::move(block)));
    at = end;
  }
  return parts;
}

}  // namespace parley
