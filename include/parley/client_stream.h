// What a client holds of a streaming call: an object that reads, writes or both, and ends with one
// status.
#ifndef PARLEY_CLIENT_STREAM_H_
#define PARLEY_CLIENT_STREAM_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "parley/detail/exchange.h"
#include "parley/detail/export.h"
#include "parley/options.h"
#include "parley/pending.h"
#include "parley/reader.h"
#include "parley/writer.h"

namespace parley {

namespace detail {
// Waits done, what a call with one response came to. `response` may be null.
PARLEY_EXPORT absl::StatusOr<Payload> TakeResponse(Exchange& exchange, ResponseMetadata* response);

template <class T>
absl::StatusOr<T> TakeResult(Exchange& exchange, void* response, bool busy) {
  absl::StatusOr<T> message;
  if (busy) {
    message = absl::FailedPreconditionError("two waits for the end of one call");
    return message;
  }
  absl::StatusOr<Payload> payload =
      TakeResponse(exchange, static_cast<ResponseMetadata*>(response));
  absl::Status status = payload.status();
  if (payload.ok()) {
    status = TakeMessageInto<T>(*std::move(payload), message);
    if (status.ok()) return message;
    status = absl::InternalError(absl::StrCat("malformed response: ", status.message()));
  }
  message = std::move(status);
  return message;
}
}  // namespace detail

// The part that all streaming calls of a client share. Owns the call: destroying it cancels what
// has not ended, and never blocks. An error that nobody asked for is logged.
//
// Threads:  Cancel from any thread at any time; the rest like Reader.
class PARLEY_EXPORT ClientStream {
 public:
  ClientStream(ClientStream&&) noexcept = default;
  ClientStream& operator=(ClientStream&& other) noexcept;
  ~ClientStream();

  // Ends the call with CANCELLED, unless it has ended. Any number of times.
  void Cancel();

  // Blocks until the server's first message is here, and with it this, or the call has ended.
  const Metadata& initial_metadata();
  // Blocks until the call has ended.
  const Metadata& trailing_metadata();

  // As gRPC spells it, once the call is connected; else empty.
  std::string peer() const { return call_->peer(); }

 protected:
  explicit ClientStream(std::shared_ptr<detail::Exchange> exchange) : call_(std::move(exchange)) {}

  void CloseSending();
  absl::Status FinishReading();
  Pending<absl::Status> AsyncFinishReading();

  std::shared_ptr<detail::Exchange> call_;
};

// A server streaming call: the responses, then a status.
//
// Example:  parley::ClientReader<Token> tokens = client.Call(kTell, prompt);
//           for (const Token& token : tokens) std::cout << token.text() << std::flush;
//           if (absl::Status s = tokens.Finish(); !s.ok()) return s;
template <class Response>
class [[nodiscard]] ClientReader : public ClientStream, public Reader<Response> {
 public:
  explicit ClientReader(std::shared_ptr<detail::Exchange> exchange)
      : ClientStream(exchange), Reader<Response>(std::move(exchange)) {}

  // The one final status. Before the end it cancels, and returns CANCELLED unless the status was
  // already known.
  absl::Status Finish() { return FinishReading(); }
  Pending<absl::Status> AsyncFinish() { return AsyncFinishReading(); }
};

// A client streaming call: requests, then one response.
template <class Request, class Response>
class [[nodiscard]] ClientWriter : public ClientStream, public Writer<Request> {
 public:
  ClientWriter(std::shared_ptr<detail::Exchange> exchange, ResponseMetadata* response)
      : ClientStream(exchange), Writer<Request>(std::move(exchange)), response_(response) {}

  // Says that no more requests follow and waits for the response. After a failed write this tells
  // why.
  absl::StatusOr<Response> Finish() { return AsyncFinish().Wait(); }
  Pending<absl::StatusOr<Response>> AsyncFinish() {
    // A callback may drop the stream.
    const std::shared_ptr<detail::Exchange> call = call_;
    ResponseMetadata* const response = response_;
    CloseSending();
    return {call, detail::Slot::kEnd, &detail::TakeResult<Response>, response};
  }

 private:
  ResponseMetadata* response_;
};

// A bidirectional call, for one reading and one writing thread.
template <class Request, class Response>
class [[nodiscard]] ClientReaderWriter : public ClientStream,
                                         public Reader<Response>,
                                         public Writer<Request> {
 public:
  explicit ClientReaderWriter(std::shared_ptr<detail::Exchange> exchange)
      : ClientStream(exchange), Reader<Response>(exchange), Writer<Request>(std::move(exchange)) {}

  // Says that no more requests follow; responses may still be read.
  void WritesDone() { CloseSending(); }

  // The one final status, as ClientReader::Finish.
  absl::Status Finish() { return FinishReading(); }
  Pending<absl::Status> AsyncFinish() { return AsyncFinishReading(); }
};

}  // namespace parley

#endif  // PARLEY_CLIENT_STREAM_H_
