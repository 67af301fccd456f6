// The client's end of a call.
#ifndef PARLEY_SRC_EXCHANGE_OUTGOING_CALL_H_
#define PARLEY_SRC_EXCHANGE_OUTGOING_CALL_H_

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include "parley/method.h"
#include "src/exchange/call.h"

namespace parley::detail {

// How a call is opened.
struct Opening {
  MethodKind kind;
  std::optional<Payload> request;  // for the kinds that have one
  const Metadata& metadata;
  absl::Duration timeout;  // until the deadline
  bool wait_for_ready;
  bool caller_waits;  // see CallStart
};

class OutgoingCall : public Call {
 public:
  void WritesDone() override;
  absl::Status FinalStatus() override;
  absl::StatusOr<Payload> TakeResponse() override;
  absl::Status ReadStatus() override;
  void Reject(absl::Status status) override;
  void Drop() override;
  const Metadata& InitialMetadata() override;
  const Metadata& TrailingMetadata() override;

  // Once, by whoever made the call. A call that can't be opened is cancelled instead.
  void Open(Opening&& opening);
  // From now on the call is cancelled when `parent` is.
  void FollowParent(std::stop_token parent);

 protected:
  OutgoingCall(std::shared_ptr<Runtime> runtime, CallLimits limits,
               Machine::Reads reads = Machine::Reads::kWhenTold)
      : Call(std::move(runtime), Machine::Side::kClient, limits, reads) {}

  virtual void StartOpen(Opening&& opening) = 0;
  // Or else nobody can have cancelled the call before it is opened.
  bool follows_parent() const { return parent_ != nullptr; }
  // Once they have been read, under the mutex; they stay as they are.
  virtual const Metadata& ReceivedInitial() = 0;
  virtual const Metadata& ReceivedTrailing() = 0;

  // --- What the wire reports.
  void HeadersRead();
  void MessageRead(Payload&& message);
  void MessagesRead(absl::Span<Payload> messages);  // none of them over the limit
  // A message that could not be taken in; what came before can still be read.
  void Refuse(absl::Status status);
  void ReadEnded();
  void WriteDone(bool ok);
  void StatusRead(absl::Status status);
  void Completed(std::optional<Payload>&& response, absl::Status status);

 private:
  void Finish(absl::Status, std::optional<Payload>&&) final {}
  std::stop_token stop_token() final { return {}; }
  const Metadata& RequestMetadata() final;
  absl::Status AddInitialMetadata(std::string_view, std::string_view) final { return {}; }
  absl::Status AddTrailingMetadata(std::string_view, std::string_view) final { return {}; }

  bool status_seen_ = false;
  bool response_taken_ = false;
  bool headers_read_ = false;
  bool status_read_ = false;  // from the wire, and metadata with it
  std::unique_ptr<std::stop_callback<std::function<void()>>> parent_;  // few have one
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_OUTGOING_CALL_H_
