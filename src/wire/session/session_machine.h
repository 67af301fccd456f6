// One side of a session as a pure state machine: which exchanges are open, what each may send and
// has to say, and what the frames that arrive mean. No thread, lock, clock or transport is known
// here, so that two of them can be run against each other in every order. Used by Session alone,
// under its lock.
//
// Invariants:
//  1. What an exchange has said arrives in that order, each message once.
//  2. An exchange sends no more than it was granted; a message longer than that is granted the rest
//     once it has begun. So a sender that waits for credit gets it as soon as the receiver's
//     application takes what has come.
//  3. What is granted and not taken is at most kFirstWindowBytes an exchange, one pool for all, and
//     one message: half of the pool is for exchanges whose readers keep up, half for long messages.
//  4. Credit, cancelling and final statuses wait for nothing but their turn: they are bits of an
//     exchange, not entries of a queue.
//  5. A batch holds at most kMostBatchBytes and one frame; when it is full, exchanges take turns of
//     kTurnBytes.
#ifndef PARLEY_SRC_WIRE_SESSION_SESSION_MACHINE_H_
#define PARLEY_SRC_WIRE_SESSION_SESSION_MACHINE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "parley/metadata.h"
#include "src/exchange/fifo.h"
#include "src/wire/session/batch.h"
#include "src/wire/session/frame.h"
#include "src/wire/session/lane.h"

namespace parley::detail {

class SessionMachine {
 public:
  static constexpr std::uint32_t kRevision = 1;
  static constexpr std::size_t kMostBatchBytes = std::size_t{256} << 10;
  static constexpr std::size_t kTurnBytes = std::size_t{16} << 10;
  // What a message costs beside its bytes, so that empty ones are bounded too.
  static constexpr std::size_t kMessageCostBytes = 64;

  enum class Side { kClient, kServer };
  struct Limits {
    std::size_t max_message_bytes;
    std::size_t max_exchanges;
    std::size_t max_window_bytes;  // of an exchange whose reader keeps up
    std::size_t pool_bytes;        // for all that is granted beyond the first windows
  };
  // Server: makes the lane of a call that arrives; runs under the session's lock. The method's
  // characters are the caller's.
  using NewLane =
      std::function<std::shared_ptr<Lane>(std::string_view method, std::uint64_t timeout_us)>;

  SessionMachine(Side side, Limits limits, AllocateBlock allocate, NewLane new_lane = nullptr);
  SessionMachine(SessionMachine&&) = default;
  ~SessionMachine() { Break(); }  // lanes that are open hold themselves

  // --- What calls do.
  struct Opening {
    std::string_view method;
    std::uint64_t timeout_us;  // 0: none
    Metadata metadata;
    std::optional<Payload> request;  // with the half-close
  };
  // Client. False if the session takes no more calls, or none yet; `opening` is as it was then.
  bool Open(std::shared_ptr<Lane> lane, Opening& opening);
  // The next message, after the last one was taken; `end`: client's half-close with it. Returns
  // whether it was taken, and is the caller's to let go of; if not, the lane is among the TakenLanes
  // later.
  bool Send(Lane& lane, Payload&& message, bool end);
  void End(Lane& lane);  // client
  // Server: before the first message.
  void SetHeaders(Lane& lane, Metadata headers);
  // Server: the final status, behind `message`. Returns as Send does; the exchange is over then.
  bool Finish(Lane& lane, std::optional<Payload>&& message, absl::Status status, Metadata trailing);
  // Client: gives the call up. Server: sends `status` in place of what has not been sent, which is
  // returned.
  Payload Cancel(Lane& lane, absl::Status status = absl::OkStatus());
  // The application took this much of what has arrived. `empty`: that was all.
  void Took(Lane& lane, std::size_t cost_bytes, bool empty);
  static std::size_t CostOf(std::size_t message_bytes) { return message_bytes + kMessageCostBytes; }
  // How much the application has to have taken before Took is worth a call: with less than half of the
  // smallest window untold, the peer still has the other half. A reader that comes to an end of what there
  // is may be given a larger window, and says so earlier.
  static constexpr std::size_t WorthTelling(bool empty) {
    return empty ? kFirstWindowBytes / 8 : kFirstWindowBytes / 2;
  }

  // --- What the transport does.
  // The first frame; `methods`: as in Hello.
  void Greet(std::vector<std::string> methods);
  void Drain();  // server: the last frame that concerns new calls
  bool has_output() const { return !batch_.empty() || !queued_.empty(); }
  std::size_t output_bytes() const { return batch_.bytes(); }
  // Fills the batch up with whatever waits for its turn.
  void FillOutput();
  Buffer TakeOutput();
  // Lanes that the session has done something for, with what is to be let go of without the lock.
  struct Served {
    std::shared_ptr<Lane> lane;
    bool taken;  // its message, or its status: the next may come
    Payload message;
  };
  bool has_served() const { return !served_.empty(); }
  std::vector<Served> TakeServed() { return std::exchange(served_, {}); }

  // What one frame has brought for its exchange.
  struct Event {
    std::shared_ptr<Lane> lane;  // none: the session's own, or nothing
    // Server: the call has arrived.
    bool opened = false;
    // With `opened`: the request's; else the initial metadata.
    std::optional<Metadata> metadata;
    std::optional<Payload> message;
    bool follows = false;    // it is a message, and nothing else, for the lane of the last event
    bool ended = false;      // client's half-close
    bool cancelled = false;  // by the client
    // Client: the final status. Server, with `opened`: the call was not taken.
    std::optional<absl::Status> status;
    Metadata trailing;
    absl::Status refused;  // a message was too long, and dropped
    Payload discarded;

    std::optional<Hello> hello;
    bool draining = false;                       // the server takes no more
    std::vector<std::shared_ptr<Lane>> retried;  // has not run these
  };
  // The bytes that arrived next; Receive takes events off them until there are none.
  void Arrived(Block bytes);
  // `event` is new, or had nothing but a message that followed. `last`: the lane of the last event, of
  // which more messages may follow. False if there are no more; an error if the peer has broken the
  // protocol, and the session is over.
  absl::StatusOr<bool> Receive(Event& event, Lane* last = nullptr);

  // The session is over: all lanes that are open, and whether the peer may have seen their start.
  struct Orphan {
    std::shared_ptr<Lane> lane;
    bool seen;
  };
  std::vector<Orphan> Break();

  // Whether a call that the peer has not run may be opened on another session, and with what.
  // REQUIRES: the lane is none of this session's any more
  static bool CanReopen(const Lane& lane) { return lane.one_request_ && !lane.heard_; }
  static Opening TakeOpening(Lane& lane);

  // All that are open.
  template <class F>
  void ForEachLane(F f) const {
    for (const auto& [id, lane] : lanes_) f(lane->self_);
  }
  bool greeted() const { return greeted_; }
  bool broken() const { return broken_; }
  bool ready() const { return greeted_ && !draining_ && !broken_; }
  std::size_t exchanges() const { return lanes_.size(); }
  bool has_room() const { return lanes_.size() < most_exchanges_; }  // client
  std::uint64_t pool_used() const { return windows_bytes_ + messages_bytes_; }

 private:
  absl::Status ReceiveOwn(const Frame& frame, Event& event);
  // Take the most frequent frames; false if there is more to look at. Of one that has no other news than a
  // message, `last` may have had the one before.
  bool ReceiveWhole(const WholeMessage& whole, Lane* last, Event& event);
  bool ReceiveRequest(const WholeMessage& whole, Event& event);
  absl::Status ReceiveFor(const Frame& frame, Event& event);
  absl::Status ReceiveStart(const Frame& frame, Event& event);
  Lane& AddLane(std::uint64_t exchange, const StartPart& start);
  absl::Status ReceiveMessage(Lane& lane, const Frame& frame, Event& event);
  absl::Status ReceiveEnd(Lane& lane, const Frame& frame, Event& event);
  // A part of what arrived: the bytes where they lie, or a copy if they would pin too much. `briefly`:
  // they will soon be taken.
  Block Keep(std::string_view bytes, bool briefly) const;
  Payload WholePayload(std::string_view bytes, bool briefly) const;
  // Counts a whole message that has come, unless it may not come now or is to be refused: then false.
  bool ChargeWhole(Lane& lane, std::size_t message_bytes);
  bool IsClient() const { return side_ == Side::kClient; }

  // Says what the lane has to say, or queues it for its turn.
  void Speak(Lane& lane);
  // Says the message, if nothing is before it and nothing else is to be said of the lane, but for its start
  // without metadata, the client's end, and the server's in order (`ends_ok`).
  bool SayAtOnce(Lane& lane, const Payload& message, bool ends_ok);
  void BeginTurn(Lane& lane);
  void TakeTurn(Lane& lane);
  bool HasToSay(const Lane& lane) const;
  // The next bytes of the lane's message that it may send, in one run.
  struct Piece {
    std::string_view bytes;
    const Block* block = nullptr;
    bool allowed = false;
  };
  Piece NextPiece(const Lane& lane) const;
  StartPart TakeStart(Lane& lane);  // without metadata
  void SayFrame(Lane& lane);
  void MessageSaid(Lane& lane);
  void Queue(Lane& lane);
  std::shared_ptr<Lane> Release(Lane& lane);
  // Takes out lanes that are over.
  void SweepQueue();

  void Grant(Lane& lane, std::uint64_t bytes);
  void GrantWaiting();

  const Side side_;
  const Limits limits_;
  const NewLane new_lane_;
  bool greeted_ = false;
  bool draining_ = false;
  bool broken_ = false;
  std::uint64_t last_id_ = 0;  // client: given; server: seen
  std::uint64_t most_exchanges_ = 0;
  std::optional<std::string> method_;  // of the last start that was said, or received
  absl::flat_hash_map<std::uint64_t, Lane*> lanes_;

  Batch batch_;
  std::uint64_t turn_ = 1;  // of batches
  Fifo<std::shared_ptr<Lane>> queued_;
  std::size_t queued_in_vain_ = 0;  // of these, that are over
  std::vector<Served> served_;
  const Lane* sender_ = nullptr;  // whose Send or Finish this is

  Block arrived_;
  std::string_view unread_;
  std::uint64_t windows_bytes_ = 0;   // beyond the first windows
  std::uint64_t messages_bytes_ = 0;  // granted to messages longer than their window
  std::deque<std::shared_ptr<Lane>> waiting_for_pool_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_SESSION_SESSION_MACHINE_H_
