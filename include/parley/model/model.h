// A model: what it takes and gives, and the application's function that computes it.
#ifndef PARLEY_MODEL_MODEL_H_
#define PARLEY_MODEL_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "parley/detail/export.h"
#include "parley/model/batch_options.h"
#include "parley/model/data_type.h"
#include "parley/model/inference.h"
#include "parley/model/tensor.h"

namespace parley {

struct TensorSpec {
  std::string name;
  DataType type = DataType::kInvalid;
  Shape shape = {};  // of one item, where the model has batches; -1: any extent
  bool optional = false;
};

struct ModelSpec {
  std::string name;          // 1 to 128 of A-Z a-z 0-9 _ . -
  std::int64_t version = 1;  // not negative
  std::vector<TensorSpec> inputs = {};
  std::vector<TensorSpec> outputs = {};
  // If not 0, the first dimension of every input and output, which the shapes above leave out, counts
  // the items of a request, from 1 to this.
  std::size_t max_batch_size = 0;
};

// Answers one request. The names, version and id of the response are filled in by whoever called it.
//
// Threads:  called from many at once, or if the model has a queue, from one for each of its instances.
using SingleHandler =
    std::function<absl::StatusOr<InferResponse>(const InferRequest& request, const InferTerms&)>;

// Requests that run together.
class PARLEY_EXPORT InferBatch {
 public:
  // `items` of each request.
  InferBatch(absl::Span<const InferRequest> requests, absl::Span<const std::size_t> items);

  absl::Span<const InferRequest> requests() const { return requests_; }
  // Of all requests together.
  std::size_t items() const { return items_; }

  // The rows of all requests, one after the other, as one tensor; copied once, unless there is only one
  // request.
  // Errors:   INVALID_ARGUMENT if a request has no such input, as may be of one that is optional.
  absl::StatusOr<Tensor> Gather(std::string_view input) const;

  // Gives each request its rows of the outputs for the whole batch, without a copy, or an error to all.
  // Errors:   INTERNAL for all if an output has another number of rows than the batch has items.
  std::vector<absl::StatusOr<InferResponse>> Split(
      absl::StatusOr<std::vector<NamedTensor>> outputs) const;
  // The same of a model's only output.
  std::vector<absl::StatusOr<InferResponse>> Split(std::string output,
                                                   absl::StatusOr<Tensor> rows) const;

 private:
  absl::Span<const InferRequest> requests_;
  absl::Span<const std::size_t> items_of_each_;
  std::size_t items_ = 0;
};

// Answers the requests of a batch, in their order; as many as there are.
//
// Example:  [&](const InferBatch& batch) {
//             absl::StatusOr<Tensor> images = batch.Gather("image");
//             return batch.Split("label", images.ok() ? classifier.Run(*images) : images);
//           }
using BatchHandler = std::function<std::vector<absl::StatusOr<InferResponse>>(const InferBatch&)>;

namespace detail {
// Where a streaming model's responses go.
class ResponseSink {
 public:
  virtual ~ResponseSink() = default;
  virtual absl::Status Write(InferResponse response) = 0;
  virtual void Finish(absl::Status status) = 0;
};
}  // namespace detail

// A request that gets any number of responses.
//
// Blocks:   Write, while what was written before waits to be sent.
// Threads:  external synchronisation.
// Lifetime: may outlive the handler. Dropped without Finish: INTERNAL.
class PARLEY_EXPORT Inference {
 public:
  Inference(InferRequest request, InferTerms terms, std::unique_ptr<detail::ResponseSink> sink);
  Inference(Inference&&) noexcept = default;
  Inference& operator=(Inference&& other) noexcept;
  ~Inference();

  const InferRequest& request() const { return request_; }
  absl::Time deadline() const { return terms_.deadline; }
  const std::stop_token& stop_token() const { return terms_.stop; }

  // Errors:   what ended the call: CANCELLED, DEADLINE_EXCEEDED, UNAVAILABLE; INTERNAL if the model's
  //           spec has no such output.
  absl::Status Write(InferResponse response);
  void Finish(absl::Status status) &&;

 private:
  InferRequest request_;
  InferTerms terms_;
  std::unique_ptr<detail::ResponseSink> sink_;
};

// Answers one request with any number of responses; "decoupled" in Triton's words. It may move the
// inference elsewhere and return.
using StreamingHandler = std::function<void(Inference inference)>;

// Example:  Model model{.spec = {.name = "double",
//                                .inputs = {{"x", DataType::kFp32, {-1}}},
//                                .outputs = {{"y", DataType::kFp32, {-1}}}},
//                       .handler = [](const InferRequest& request, const InferTerms&) { ... }};
struct Model {
  ModelSpec spec;
  std::variant<SingleHandler, BatchHandler, StreamingHandler> handler;
  // None: a single or streaming handler runs on the thread of its call, and a batch handler has the
  // default options. Its max_batch_size is the spec's.
  std::optional<BatchOptions> queue = {};
  // Run before the first request; an error fails the load.
  std::function<absl::Status()> warm_up = nullptr;
};

}  // namespace parley

#endif  // PARLEY_MODEL_MODEL_H_
