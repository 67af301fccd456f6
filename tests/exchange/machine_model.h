// What should come of every order of events at one end of a call: the machine under test, a user
// and a wire that do only what they may, and an account of their own of every message, operation
// and waiter. For machine_test, which tries the orders.
#ifndef PARLEY_TESTS_EXCHANGE_MACHINE_MODEL_H_
#define PARLEY_TESTS_EXCHANGE_MACHINE_MODEL_H_

#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "src/exchange/machine.h"

namespace parley::detail {

class MachineModel {
 public:
  enum class Event {
    // The user, and whoever makes the call.
    kOpen,  // client: Open; server: Accept
    kWriteSmall,
    kWriteLarge,
    kCloseSending,
    kFinishOk,
    kFinishWithMessage,
    kFinishError,
    kTake,
    kReject,
    kCancel,
    kExpire,
    kKill,
    kWaitRead,
    kWaitWrite,
    kWaitEnd,
    kWaitHeaders,
    kStopWaitingRead,
    kStopWaitingWrite,
    // The wire.
    kHeadersRead,
    kMessageSmall,
    kMessageLarge,
    kReadEnded,
    kWriteDone,
    kWriteFailed,
    kCloseDone,
    kStatusOk,
    kStatusError,
    kPeerGone,  // client: the other end of a local call gave it up
    kCompletedOk,
    kCompletedEmpty,
    kCompletedError,
  };
  static constexpr int kEvents = static_cast<int>(Event::kCompletedError) + 1;

  struct Rules {
    Machine::Side side;
    // Client: the opening carries the one request. Server: the first message is the only one.
    bool one_request = false;
    // Server: the request came with the call.
    bool request_came = false;
    // Client: the wire does the whole call in one step.
    bool one_step = false;
    Machine::Limits limits{130, 130};
    // How often the user and the wire may do a thing, so that the states are finitely many.
    int messages_each_way = 3;
    int cancels = 2;
  };
  // With the bytes that a queued message costs beside its own, two small ones or a large one fill a
  // queue of 130.
  static constexpr std::size_t kSmallBytes = 1;
  static constexpr std::size_t kLargeBytes = 200;

  // How a call that was begun can go on to its end.
  enum class Ending { kInOrder, kCancelled, kPeerGone };

  explicit MachineModel(const Rules& rules) : rules_(rules), machine_(rules.side, rules.limits) {}

  // Whether the user or the wire may do this now.
  bool Enabled(Event event) const;
  // REQUIRES: Enabled(event)
  void Apply(Event event);
  // Lets everything that is under way come to its end.
  void End(Ending ending);

  // What was wrong first; empty: nothing.
  const std::string& violation() const { return violation_; }
  // All events so far, up to the violation, by name.
  std::string Trace() const;
  // Equal for states that can't be told apart.
  std::string Key() const;

 private:
  struct Message {
    char id;
    std::size_t bytes;  // as queued
  };
  enum class Writing { kNothing, kMessage, kClose };
  using Actions = Machine::Actions;

  bool IsClient() const { return rules_.side == Machine::Side::kClient; }
  // Nothing may be started any more.
  bool Over() const { return peer_gone_ || (IsClient() && final_.has_value()); }
  bool WriteRoom() const { return unsent_.empty() || Bytes(unsent_) < rules_.limits.send_bytes; }
  bool ReadRoom() const {
    return received_.empty() || Bytes(received_) < rules_.limits.receive_bytes;
  }
  static std::size_t Bytes(const std::deque<Message>& messages);
  // Whether a waiter for `slot` should be woken.
  bool Due(Slot slot) const;
  bool Ready(Slot slot) const;

  Actions User(Event event);
  Actions Wire(Event event);
  Actions OpenOrAccept();
  Actions Write(std::size_t bytes);
  Actions Finish(absl::Status status, bool with_message);
  Actions Take();
  Actions Reject();
  Actions Cancel(bool at_deadline);
  Actions MessageRead(std::size_t bytes);
  Actions ReadEnded();
  Actions WriteDone(bool ok);
  Actions StatusRead(absl::Status status);
  Actions Completed(bool with_response, absl::Status status);
  Actions PeerGone();
  void Wait(Slot slot);

  Payload NewMessage(std::size_t bytes, char first, int& count, Message& message);
  void Discard(std::deque<Message>& messages);
  void SetFinal(absl::Status status);

  void CheckStarted(Actions& actions);
  void CheckDiscarded(Actions& actions);
  void CheckUnderWay();
  void CheckWoken(unsigned wake);
  void CheckStatuses();
  void CheckEnded();
  void Check(bool ok, std::string_view what);

  const Rules rules_;
  Machine machine_;
  std::vector<Event> trace_;
  std::string violation_;

  // The wire.
  bool open_ = false;
  Writing writing_ = Writing::kNothing;
  bool reading_ = false;
  bool fetching_ = false;  // the final status
  bool fetched_ = false;
  bool headers_ = false;
  bool close_done_ = false;
  bool peer_gone_ = false;

  // The messages.
  int written_ = 0;
  int arrived_ = 0;
  std::deque<Message> unsent_;
  std::deque<Message> received_;
  bool close_asked_ = false;
  bool close_started_ = false;
  bool send_failed_ = false;
  bool read_ended_ = false;
  bool lost_ = false;  // a message that had come was thrown away
  bool taken_ = false;
  bool rejected_ = false;

  // The end.
  bool cut_ = false;  // server: cancelled, or the peer is gone
  std::optional<absl::Status> final_;
  int cancels_ = 0;
  int finishes_ = 0;

  // The waiters.
  std::array<bool, kSlots> waiting_ = {};
  bool writer_waited_ = false;

  // What the present event should lead to.
  bool expect_cancel_wire_ = false;
  bool expect_stop_ = false;
  std::vector<char> expect_discarded_;
};

}  // namespace parley::detail

#endif  // PARLEY_TESTS_EXCHANGE_MACHINE_MODEL_H_
