// The answer to one request of a model that gives any number of responses, as a client reads it.
#ifndef PARLEY_KSERVE_INFER_STREAM_H_
#define PARLEY_KSERVE_INFER_STREAM_H_

#include <cstddef>
#include <iterator>
#include <optional>

#include "absl/status/status.h"
#include "parley/client_stream.h"
#include "parley/detail/exchange.h"
#include "parley/detail/export.h"
#include "parley/kserve/protocol.h"
#include "parley/model/inference.h"
#include "parley/pending.h"

namespace parley::kserve {

// The responses, then a status: a ModelStreamInfer call that has one request. What the protocol says of
// errors and of the end among the responses is taken out of them: an error becomes the status, and a
// final response without outputs is the end.
//
// Example:  parley::kserve::InferStream tokens = client.StreamInfer(prompt);
//           for (const parley::InferResponse& token : tokens) Show(token);
//           if (absl::Status s = tokens.Finish(); !s.ok()) return s;
// Blocks:   Next, iteration and the metadata, as those of a ClientReader.
// Threads:  Cancel from any thread at any time; the rest from one reader at a time.
// Lifetime: owns the call: dropping it cancels what has not ended, and never blocks.
// Errors:   the server's status; UNKNOWN with the server's text if that sent an error without a code.
class PARLEY_EXPORT InferStream : private ClientReaderWriter<InferRequest, StreamResponse> {
  using Stream = ClientReaderWriter<InferRequest, StreamResponse>;

 public:
  // Internal: sends the one request on a stream that has just been opened.
  InferStream(Stream stream, const InferRequest& request);

  // The next response, or nothing once there are no more.
  std::optional<InferResponse> Next();
  // Dropping it loses no response.
  Pending<std::optional<InferResponse>> AsyncNext();

  // The one final status. Before the end it cancels, and returns CANCELLED unless the status was
  // already known.
  using Stream::AsyncFinish;
  using Stream::Finish;

  using Stream::Cancel;
  using Stream::initial_metadata;
  using Stream::peer;
  using Stream::trailing_metadata;

  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = InferResponse;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    const InferResponse& operator*() const { return *value_; }
    const InferResponse* operator->() const { return &*value_; }
    Iterator& operator++() {
      value_ = stream_->Next();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& it, std::default_sentinel_t) { return !it.value_; }

   private:
    friend class InferStream;
    explicit Iterator(InferStream* stream) : stream_(stream), value_(stream->Next()) {}
    InferStream* stream_ = nullptr;
    std::optional<InferResponse> value_;
  };
  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() { return {}; }

 private:
  static std::optional<InferResponse> TakeNext(detail::Exchange& call, void*, bool busy);
};

}  // namespace parley::kserve

#endif  // PARLEY_KSERVE_INFER_STREAM_H_
