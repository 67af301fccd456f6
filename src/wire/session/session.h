// One end of a session: the state machine under its lock, the deadlines of its calls, and when what
// they say goes out. ClientSession and ServerSession add the gRPC stream.
#ifndef PARLEY_SRC_WIRE_SESSION_SESSION_H_
#define PARLEY_SRC_WIRE_SESSION_SESSION_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "parley/detail/cork.h"
#include "src/exchange/runtime.h"
#include "src/wire/grpc/completion_source.h"
#include "src/wire/session/session_machine.h"

namespace parley::detail {

// "package.Service/Method" of the stream.
inline constexpr char kSessionMethod[] = "parley.v1.SessionService/Open";

// A call on a session. The functions are called without locks.
class SessionCall : public Lane {
 public:
  // What a frame has brought, and the messages of those that followed it.
  virtual void Deliver(SessionMachine::Event& event, absl::Span<Payload> following) = 0;
  // The message, or the final status, that waited has been sent.
  virtual void Sent() = 0;
  // The session ended under it. `seen`: the peer may have run it.
  virtual void Orphaned(const absl::Status& status, bool seen) = 0;
  virtual void DeadlinePassed() = 0;
  virtual absl::Time session_deadline() const = 0;
  // Asks for the memory that Deliver will need, without looking at it.
  void Prefetch() const {
    // The call's own state lies before this base.
    constexpr int kLines = 8, kLineBytes = 64;
    const char* const end = reinterpret_cast<const char*>(this);
    for (int line = 1; line <= kLines; ++line) __builtin_prefetch(end - kLineBytes * line);
  }

 protected:
  ~SessionCall() = default;
  // The application took a message; `empty`: the last that there is. Returns what the session is to be told
  // of now, if anything.
  std::size_t CountTaken(std::size_t size_bytes, bool empty) {
    const std::size_t cost = SessionMachine::CostOf(size_bytes);
    const std::size_t taken = taken_bytes_.load(std::memory_order_relaxed) + cost;
    const bool tell = taken >= SessionMachine::WorthTelling(empty);
    taken_bytes_.store(tell ? 0 : taken, std::memory_order_relaxed);
    return tell ? taken : 0;
  }

 private:
  // And not yet told. There is one reader at a time; where two wrongly read, too little or too much is told.
  std::atomic<std::size_t> taken_bytes_ = 0;
};

class Session : public std::enable_shared_from_this<Session>, public Deferred, public Corked {
 public:
  virtual ~Session();

  // --- For calls: as in SessionMachine.
  bool Open(std::shared_ptr<SessionCall> call, SessionMachine::Opening& opening);
  bool Send(SessionCall& call, Payload&& message, bool end);
  void End(SessionCall& call);
  void SetHeaders(SessionCall& call, Metadata headers);
  // The call is told by Sent unless it could be said at once.
  void Finish(SessionCall& call, std::optional<Payload>&& message, absl::Status status,
              Metadata trailing);
  void Cancel(SessionCall& call, absl::Status status = absl::OkStatus());
  void Took(SessionCall& call, std::size_t cost_bytes, bool empty);
  virtual std::string peer() = 0;

  std::size_t exchanges();
  bool greeted();
  // Whether another call can be opened. kLater: HasRoom is called when it can.
  enum class Room { kNow, kLater, kNever };
  Room AwaitRoom();

  void RunDeferred(Pause pause) final;
  void SendNow() final;
  std::weak_ptr<Corked> Weak() final { return weak_from_this(); }

 protected:
  // `patience`: how long one write may take while a call's deadline has passed.
  Session(std::shared_ptr<Runtime> runtime, CompletionSource& source, SessionMachine machine,
          absl::Duration patience);

  // --- The stream. None of them is called under the lock, StartWrite never while a write is in flight.
  virtual void StartRead() = 0;
  virtual void StartWrite(Payload batch) = 0;
  // The stream is to be ended, with `status` where one can be sent. Once, and nothing is written then.
  virtual void StartEnd(const absl::Status& status) = 0;
  // The stream is to end at once, whatever is in flight. Any number of times.
  virtual void Abort() = 0;
  // All that was started is done, and nothing will be started. Once.
  virtual void StreamOver() = 0;
  // It was full when somebody asked, and is no more.
  virtual void HasRoom() {}
  // What a frame has brought that is not for a call.
  virtual void DeliverOwn(SessionMachine::Event&) {}

  void Start(std::vector<std::string> methods);  // greets and reads
  void Arrived(Block batch);
  void Written(bool ok);
  void Ended();
  // There is nothing more to read. The last thing that reading does, since it may be all that is left.
  void ReadEnded();
  void Drain();
  void LeaveWhenIdle();
  void Retire();  // the same, and opens no more
  // Nothing can be said any more: ends all calls with `status`.
  void Break(const absl::Status& status);
  void EndStream(absl::Status status);

  const std::shared_ptr<Runtime> runtime_;
  CompletionSource& source_;
  const absl::Duration patience_;

 private:
  using Lock = std::unique_lock<std::mutex>;

  // After each change, with the lock held, which it gives up: sends what may be sent, and tells calls.
  // `now`: without waiting for more to be said.
  void Settle(Lock& lock, bool now = false);
  bool MayWrite(bool now);
  // What is to be said, by its bytes; or by the calls that it opens and ends, too.
  bool IsLarge() const;
  bool IsMuch() const;
  // Whether what is put off already should wait, rather than be sent by the calling thread.
  bool IsForThePoller() const;
  void Defer();
  void AwaitPeersEnd();
  void WatchDeadline(absl::Time deadline);
  void LookAtDeadlines();
  // Takes in some frames. As SessionMachine::Receive.
  absl::StatusOr<bool> ReceiveSome();
  void DeliverReceived();

  std::mutex mutex_;
  SessionMachine machine_;
  // Reading from beginning to end, the write in flight, and the end in flight. Counted under the lock,
  // so that none is started once the stream is over.
  int operations_ = 0;
  bool counted_ = false;  // as something to poll for, while there are any
  bool writing_ = false;  // or writing has failed
  bool write_in_flight_ = false;
  std::optional<absl::Time> stuck_since_;  // the write in flight, as far as looks have found
  bool deferred_ = false;
  std::size_t turnover_ = 0;  // calls opened or finished since the last write
  // The next read is started after what is written, and not before somebody polls. While there is a
  // reader, gRPC 1.51 sends a window update for each message that it has read, in a system call of its
  // own; while there is none, it sends it with whatever is written next.
  bool read_wanted_ = false;
  // The reader's: what has been received and not been told yet; the last event is not used yet.
  std::vector<SessionMachine::Event> events_;
  std::vector<std::size_t> following_;  // how many messages followed each event
  std::vector<Payload> messages_;       // which are these
  bool crowded_ = false;                // more came at once, or is likely to be there already
  std::uint64_t idle_times_ = 0;
  bool over_ = false;
  bool leaving_ = false;  // once there is nothing left to do
  bool retired_ = false;
  bool room_awaited_ = false;
  bool peer_leaves_ = false;  // and ends the stream
  std::optional<Control::Timer> await_end_;
  std::optional<absl::Status> end_;  // to be ended with
  bool ended_ = false;
  absl::Time next_look_ = absl::InfiniteFuture();
  std::optional<Control::Timer> timer_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_SESSION_SESSION_H_
