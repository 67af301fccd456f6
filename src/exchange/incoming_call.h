// The server's end of a call.
#ifndef PARLEY_SRC_EXCHANGE_INCOMING_CALL_H_
#define PARLEY_SRC_EXCHANGE_INCOMING_CALL_H_

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "src/exchange/call.h"
#include "src/exchange/dispatcher.h"

namespace parley::detail {

class IncomingCall : public Call {
 public:
  ~IncomingCall() override;

  void Finish(absl::Status status, std::optional<Payload>&& message) override;
  void Cancel(absl::Status status) override;
  void Reject(absl::Status status) override;
  void Drop() override;
  std::stop_token stop_token() override;
  const Metadata& RequestMetadata() override;
  absl::Status AddInitialMetadata(std::string_view key, std::string_view value) override;
  absl::Status AddTrailingMetadata(std::string_view key, std::string_view value) override;
  // Names in the client's verified certificate.
  virtual std::vector<std::string> PeerIdentities() { return {}; }

  // The method that serves the call, once the dispatcher has accepted it.
  Dispatcher::Method* served_by() const { return served_by_; }
  // Whether nobody is there any more to answer.
  bool abandoned();
  // The request of a call that has one; nothing if the call is abandoned.
  std::optional<Payload> TakeRequest();

 protected:
  explicit IncomingCall(std::shared_ptr<Dispatcher> dispatcher,
                        Machine::Reads reads = Machine::Reads::kWhenTold);

  // Once its name and deadline are set: the dispatcher accepts or refuses the call, and the machine
  // begins. `method`: null if there is none of the name. `request`: if it came with the call; else
  // it is read. `taken`: or why the wire does not take the call.
  void Arrived(Dispatcher::Method* method, std::optional<Payload> request = std::nullopt,
               absl::Status taken = absl::OkStatus());
  virtual const Metadata& ReceivedRequest() = 0;  // its metadata; under the mutex
  void RequestStop() override;
  void Expire() override { Cancel(absl::DeadlineExceededError("the call's deadline has passed")); }

  // --- What the wire reports.
  void MessageRead(Payload&& message);
  void MessagesRead(absl::Span<Payload> messages);  // none of them over the limit
  void ReadEnded();
  void WriteDone(bool ok);
  void CloseDone();
  void PeerGone(absl::Status status);

  // --- For the wire's first write and its close.
  std::optional<Metadata> TakeInitialMetadata();  // nothing if it was taken before
  struct Closing {
    std::optional<Metadata> initial;
    Metadata trailing;
    absl::Status status;
  };
  // As soon as the close has started, by whoever starts it: nothing of it changes any more.
  Closing TakeClosing();
  // Whether the final status is on its way, or was sent.
  bool closing();

  // Whether the handler may run on the thread that delivers the request.
  bool run_here_ = false;
  const std::shared_ptr<Dispatcher> dispatcher_;

 private:
  friend class Dispatcher;

  // Gives the call up on the wire if the status that Cancel left does not get through.
  void KillIfStuck();
  void Kill();
  void WritesDone() final {}
  absl::Status FinalStatus() final { return absl::UnknownError("not a client's call"); }
  absl::StatusOr<Payload> TakeResponse() final { return FinalStatus(); }
  const Metadata& InitialMetadata() final { return initial_; }
  const Metadata& TrailingMetadata() final { return trailing_; }

  Dispatcher::Method* served_by_ = nullptr;
  // In the dispatcher's list of live calls, under its lock.
  IncomingCall* next_live_ = nullptr;
  IncomingCall* previous_live_ = nullptr;

  bool one_request_ = false;
  bool request_read_ = false;
  // Changed under the mutex, or by whoever starts the close.
  std::atomic<bool> initial_sent_ = false;
  bool stop_requested_ = false;
  bool kill_due_ = false;
  std::stop_source stop_{std::nostopstate};
  Metadata initial_;
  Metadata trailing_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_INCOMING_CALL_H_
