// A unary call on the local wire. As on a socket it is one operation with one event at its end, so
// it needs no pipe: the request goes with the call, and the response comes with the status.
#ifndef PARLEY_SRC_WIRE_LOCAL_LOCAL_UNARY_CALL_H_
#define PARLEY_SRC_WIRE_LOCAL_LOCAL_UNARY_CALL_H_

#include <memory>

#include "src/exchange/dispatcher.h"
#include "src/exchange/outgoing_call.h"

namespace parley::detail {

class LocalUnaryIncomingCall;

class LocalUnaryCall final : public OutgoingCall {
 public:
  LocalUnaryCall(std::shared_ptr<Runtime> runtime, std::weak_ptr<Dispatcher> dispatcher,
                 CallLimits limits)
      : OutgoingCall(std::move(runtime), limits), dispatcher_(std::move(dispatcher)) {}

  AllocateBlock allocator() const override { return nullptr; }
  std::string peer() override { return "local"; }

  // The server's end has come to its end.
  void Answer(std::optional<Payload> response, absl::Status status, Metadata initial,
              Metadata trailing);

 private:
  void StartOpen(Opening&& opening) override;
  void StartRead() override {}
  bool StartWrite(Payload&&, Next) override { return false; }
  bool StartClose() override { return false; }
  void CancelWire() override;
  const Metadata& ReceivedInitial() override { return answered_initial_; }
  const Metadata& ReceivedTrailing() override { return answered_trailing_; }

  const std::weak_ptr<Dispatcher> dispatcher_;
  // Until one of the two ends the call.
  std::shared_ptr<LocalUnaryIncomingCall> server_;
  bool given_up_ = false;
  Metadata answered_initial_;
  Metadata answered_trailing_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_LOCAL_LOCAL_UNARY_CALL_H_
