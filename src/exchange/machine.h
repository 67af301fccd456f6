// The heart of parley: one call as either side sees it, as a pure state machine. Events come in,
// actions go out; no thread, lock, clock or transport is known here, so that every order of events
// can be tested. Used by Call alone.
//
// Invariants:
//  1. At most one read and one write are in flight; nothing is written after the close has started.
//  2. The close (client: half-close; server: final status) starts at most once, after all that was
//  written before it.
//  3. A client's final status is set once; it changes only from an OK that nobody has seen, when a
//  message before it is rejected. A server sends exactly one, which does not change once the close has
//  started, or learns that nobody is there.
//  4. A waiter is woken only when its slot is ready, and always when it becomes so.
//  5. Messages are delivered in order, each once; after the first that is missing there are none.
#ifndef PARLEY_SRC_EXCHANGE_MACHINE_H_
#define PARLEY_SRC_EXCHANGE_MACHINE_H_

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "parley/detail/payload.h"
#include "parley/detail/waiter.h"
#include "src/exchange/payload_queue.h"

namespace parley::detail {

class Machine {
 public:
  enum class Side { kClient, kServer };

  // A queue takes messages until it is at its limit, so it holds less than that and one message.
  struct Limits {
    std::size_t send_bytes;
    std::size_t receive_bytes;
  };

  // Whether the wire reads a message when it is told to, or brings what comes, within bounds of its own.
  enum class Reads { kWhenTold, kAlways };

  // What must happen because of an event.
  struct Actions {
    bool start_write = false;   // write `message`
    bool more_follow = false;   // another message waits behind it
    bool start_close = false;   // client: half-close; server: send the final status; with the
                                // message if there is one
    bool start_read = false;    // read one message
    bool start_status = false;  // client: fetch the final status
    bool cancel_wire = false;   // give the call up on the wire
    bool request_stop = false;  // server: tell the handler
    unsigned wake = 0;          // bit per Slot
    Payload message;
    std::vector<Payload> discarded;  // to be destroyed where user code may run
  };

  Machine(Side side, Limits limits, Reads reads = Reads::kWhenTold)
      : side_(side), reads_(reads), limits_(limits) {}

  // --- What the user does.
  // Client. The opening counts as a write, whose end the wire reports; `with_request`: it carries
  // the one request and the half-close.
  // `one_response`: a second message is an error, and the end is read whatever there is room for.
  Actions Open(bool with_request, bool one_response = false);
  // Server. kOne: the first message is the only one. kNone: nothing is read, for `request` came
  // with the call.
  enum class Requests { kMany, kOne, kNone };
  Actions Accept(Requests requests, std::optional<Payload>&& request = std::nullopt);
  // REQUIRES: WritableStatus().ok()
  Actions Write(Payload&& message);
  // Client: no more messages follow.
  Actions CloseSending();
  // Server: the handler's status, after `message` if there is one, unless another came first.
  Actions Finish(absl::Status status, std::optional<Payload>&& message);
  // REQUIRES: a message is there
  Payload Take(Actions& actions);
  // The same where nothing has to happen because of it.
  // REQUIRES: a message is there, and Reads::kAlways, a client's final status, or one request
  Payload Take() {
    if (!first_) return received_.Pop();
    Payload message = *std::move(first_);
    first_.reset();
    return message;
  }
  // Ends the call. A client's final status is `status` at once; a server sends it in place of the
  // handler's.
  Actions Cancel(absl::Status status);
  // The same at the call's deadline, or for a message that can't be taken in: a client still gets
  // the messages that have come.
  Actions Expire(absl::Status status);
  // A message that was taken can't be used: the same, and the messages are never complete. `seen`:
  // the final status, if there is one.
  Actions Reject(absl::Status status, bool seen);
  // Server: what Cancel wants to send has been stuck for too long.
  Actions Kill();

  // --- What the wire reports.
  Actions HeadersRead();
  Actions MessageRead(Payload&& message);
  // Several, with Reads::kAlways. What is left of them can be dropped.
  Actions MessagesRead(absl::Span<Payload> messages);
  Actions ReadEnded();         // the peer closed its side; client: or the call is over
  Actions WriteDone(bool ok);  // also for a client's half-close
  // The same for a write that succeeded, where nothing has to happen because of it. Or else false.
  bool WriteJustDone();
  // Server: the final status is on its way. May be left out where nothing comes any more.
  void CloseDone();
  Actions StatusRead(absl::Status status);  // client
  // Client, where the wire does a whole unary call in one step.
  Actions Completed(std::optional<Payload>&& response, absl::Status status);
  Actions PeerGone(absl::Status status);  // server: the client cancelled or was lost

  // --- What is known.
  Reads reads() const { return reads_; }
  bool Ready(Slot slot) const;
  bool HasRoom() const { return to_send_.empty() || to_send_.bytes() < limits_.send_bytes; }
  // Whether a message was written when there was no room, and there is none yet.
  bool Overfull() const { return overfull_; }
  bool HasMessage() const { return first_ || !received_.empty(); }
  // A thread waits for room: it is woken when half of the queue is free, not for each message.
  void WriterWaits() { writer_waits_ = true; }
  // Whether another message may be written.
  absl::Status WritableStatus() const;
  // Whether what was written still has a chance.
  absl::Status WriteStatus() const;
  // Why no more messages come.
  absl::Status ReadStatus() const;
  // Client: the final status. Server: the one to send, which is settled once the close has started, or
  // the reason why none can be.
  const std::optional<absl::Status>& final_status() const { return final_; }
  bool close_started() const { return close_started_; }

 private:
  // Adds whatever the state allows to start now.
  void Advance(Actions& actions);
  void AdvanceSending(Actions& actions);
  void AdvanceReceiving(Actions& actions);
  Actions End(absl::Status status, bool keep_received);
  void DiscardUnsent(Actions& actions);
  void PutReceived(Payload&& message);
  std::size_t ReceivedBytes() const;
  bool IsLive() const;
  bool MaySend() const;
  bool WriteAtOnce(Payload& message, Actions& actions);
  bool IsClient() const { return side_ == Side::kClient; }

  // What each message needs is together, and so in the caches.
  const Side side_;
  const Reads reads_;
  bool open_ = false;
  bool one_request_ = false;
  bool one_response_ = false;
  bool response_read_ = false;

  bool headers_read_ = false;
  bool read_in_flight_ = false;
  bool read_ended_ = false;
  bool read_cut_ = false;  // messages that had come were thrown away, or rejected
  bool status_started_ = false;

  bool write_in_flight_ = false;
  bool close_wanted_ = false;
  bool close_started_ = false;
  bool close_done_ = false;
  bool send_failed_ = false;
  bool writer_waits_ = false;
  bool overfull_ = false;

  bool peer_gone_ = false;  // server
  bool cut_ = false;  // server: the handler has nothing left to say; the peer is gone or was told
  std::optional<absl::Status> final_;
  PayloadQueue received_;
  PayloadQueue to_send_;
  const Limits limits_;
  // A message that came when there was none; those after it are in `received_`. Few calls have more than
  // one at a time, and this takes no memory of its own.
  std::optional<Payload> first_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_MACHINE_H_
