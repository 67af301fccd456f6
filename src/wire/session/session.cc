#include "src/wire/session/session.h"

#include <algorithm>

#include "absl/time/clock.h"

namespace parley::detail {
namespace {

// What is sent while more is being produced, so that both sides work at the same time: so many bytes,
// or what one part of the calls has to say that are open, unless it is hardly worth a message.
constexpr std::size_t kEarlyBytes = std::size_t{64} << 10;
constexpr std::size_t kEarlyParts = 3;
constexpr std::size_t kFewCalls = 8;
// gRPC 1.51 leaves a stream unanswered that arrives as the server begins to shut down; and a server has
// only so many sessions.
constexpr absl::Duration kGreetingTimeout = absl::Seconds(5);
// How long a client that has been told to leave may take, once it has no calls.
constexpr absl::Duration kTimeToLeave = absl::Milliseconds(500);
// A peer that reads at all may be that slow.
constexpr absl::Duration kLeastPatience = absl::Milliseconds(100);
// To look for calls whose deadline has passed may take this part of one thread's time.
constexpr int kLookShare = 10;

}  // namespace

Session::Session(std::shared_ptr<Runtime> runtime, CompletionSource& source, SessionMachine machine,
                 absl::Duration patience)
    : runtime_(std::move(runtime)),
      source_(source),
      patience_(std::max(patience, kLeastPatience)),
      machine_(std::move(machine)) {}

Session::~Session() {
  if (timer_) runtime_->control.Cancel(*timer_);
  if (await_end_) runtime_->control.Cancel(*await_end_);
}

// --- For calls.

bool Session::Open(std::shared_ptr<SessionCall> call, SessionMachine::Opening& opening) {
  const absl::Time deadline = call->session_deadline();
  Lock lock(mutex_);
  if (retired_ || over_ || !machine_.Open(std::move(call), opening)) return false;
  ++turnover_;
  WatchDeadline(deadline);
  Settle(lock);
  return true;
}

bool Session::Send(SessionCall& call, Payload&& message, bool end) {
  Lock lock(mutex_);
  const bool sent = machine_.Send(call, std::move(message), end);
  Settle(lock);
  return sent;
}

void Session::End(SessionCall& call) {
  Lock lock(mutex_);
  machine_.End(call);
  Settle(lock);
}

void Session::SetHeaders(SessionCall& call, Metadata headers) {
  Lock lock(mutex_);
  machine_.SetHeaders(call, std::move(headers));
}

void Session::Finish(SessionCall& call, std::optional<Payload>&& message, absl::Status status,
                     Metadata trailing) {
  Lock lock(mutex_);
  machine_.Finish(call, std::move(message), std::move(status), std::move(trailing));
  ++turnover_;
  Settle(lock);
}

void Session::Cancel(SessionCall& call, absl::Status status) {
  Lock lock(mutex_);
  const Payload unsent = machine_.Cancel(call, std::move(status));
  Settle(lock);
}

void Session::Took(SessionCall& call, std::size_t cost_bytes, bool empty) {
  Lock lock(mutex_);
  machine_.Took(call, cost_bytes, empty);
  Settle(lock);
}

std::size_t Session::exchanges() {
  Lock lock(mutex_);
  return machine_.exchanges();
}

bool Session::greeted() {
  Lock lock(mutex_);
  return machine_.greeted();
}

Session::Room Session::AwaitRoom() {
  Lock lock(mutex_);
  if (retired_ || over_ || !machine_.ready()) return Room::kNever;
  if (machine_.has_room()) return Room::kNow;
  room_awaited_ = true;
  return Room::kLater;
}

// --- The stream.

void Session::Start(std::vector<std::string> methods) {
  Lock lock(mutex_);
  ++operations_;
  machine_.Greet(std::move(methods));
  Settle(lock, true);  // calls of all threads wait for it
  StartRead();
  runtime_->control.At(absl::Now() + kGreetingTimeout, [weak = weak_from_this()] {
    const std::shared_ptr<Session> session = weak.lock();
    if (session != nullptr && !session->greeted()) {
      session->EndStream(absl::UnavailableError("the peer did not greet"));
    }
  });
}

void Session::Written(bool ok) {
  Lock lock(mutex_);
  --operations_;
  write_in_flight_ = false;
  stuck_since_.reset();
  writing_ = !ok;
  if (!ok) over_ = ended_ = true;  // why is for the reader to find out, who may still find more
  Settle(lock);
}

void Session::Ended() {
  Lock lock(mutex_);
  --operations_;
  Settle(lock);
}

void Session::ReadEnded() {
  Lock lock(mutex_);
  --operations_;
  over_ = true;
  Settle(lock);
}

void Session::EndStream(absl::Status status) {
  Lock lock(mutex_);
  over_ = true;
  if (!end_ && !ended_) end_ = std::move(status);
  Settle(lock);
}

void Session::RunDeferred(Pause pause) {
  Lock lock(mutex_);
  deferred_ = false;
  const bool read = pause != Pause::kLeaving && std::exchange(read_wanted_, false);
  // Where more is waiting to be read, or an executor is at it, what that brings goes out together with what
  // is there now.
  const bool more_comes = (pause == Pause::kNone && crowded_) ||
                          (pause == Pause::kIdle && runtime_->loop.ExecutorHasMore());
  const bool write = !more_comes || IsMuch();
  if (read_wanted_ || (!write && machine_.has_output())) Defer();
  if (write) {
    Settle(lock, true);
  } else {
    lock.unlock();
  }
  if (read) StartRead();
}

void Session::SendNow() {
  Lock lock(mutex_);
  Settle(lock, true);
}

void Session::Drain() {
  Lock lock(mutex_);
  leaving_ = peer_leaves_ = true;
  machine_.Drain();
  Settle(lock);
}

void Session::LeaveWhenIdle() {
  Lock lock(mutex_);
  leaving_ = true;
  Settle(lock);
}

void Session::Retire() {
  Lock lock(mutex_);
  leaving_ = retired_ = true;
  Settle(lock);
}

void Session::Break(const absl::Status& status) {
  Lock lock(mutex_);
  over_ = true;
  const std::vector<SessionMachine::Orphan> orphans = machine_.Break();
  Settle(lock);
  for (const SessionMachine::Orphan& orphan : orphans) {
    static_cast<SessionCall&>(*orphan.lane).Orphaned(status, orphan.seen);
  }
}

bool Session::IsLarge() const { return machine_.output_bytes() >= kEarlyBytes; }

bool Session::IsMuch() const {
  const std::size_t calls = machine_.exchanges() + turnover_;
  return IsLarge() || turnover_ >= std::max(kFewCalls, calls / kEarlyParts);
}

bool Session::MayWrite(bool now) {
  if (writing_ || over_ || !machine_.has_output()) return false;
  const Loop& loop = runtime_->loop;
  const bool polls_next = loop.PollsNext();
  if (now || IsLarge()) return true;
  if (!polls_next && !loop.RunsOneOfMany()) {
    // Who writes together has said where it ends, however many calls it ends.
    Cork* const cork = Cork::Here();
    return cork == nullptr || !cork->Holds(*this);
  }
  if (IsMuch()) return true;
  Defer();
  // The lead may have been taken from this thread, by one that waits already.
  if (!polls_next) {
    source_.WakeFromLongWait();
  } else if (!loop.PollsNext()) {
    source_.Wake();
  }
  return false;
}

bool Session::IsForThePoller() const {
  const Loop& loop = runtime_->loop;
  // With an executor the poller may be asleep until the last of its tasks has spoken.
  return loop.has_executor() ? loop.PollsNext() || loop.RunsOneOfMany() : loop.HasLeader();
}

void Session::Defer() {
  if (!std::exchange(deferred_, true)) source_.Defer(shared_from_this());
}

void Session::Settle(Lock& lock, bool now) {
  // As a rule what was said waits already, or there was nothing to say. What is put off waits for whoever
  // polls; a thread that has left off polling may have other things to do first.
  const bool waits =
      !machine_.has_output() || writing_ || over_ || (deferred_ && IsForThePoller() && !IsMuch());
  if (waits && !now && !leaving_ && !end_ && !machine_.has_served() && !room_awaited_ && counted_ &&
      operations_ > 0) {
    lock.unlock();
    return;
  }
  Buffer batch;
  const bool write = MayWrite(now);
  if (write) {
    ++operations_;
    writing_ = write_in_flight_ = true;
    machine_.FillOutput();
    batch = machine_.TakeOutput();
    turnover_ = 0;
  }
  if (leaving_ && !over_ && !writing_ && machine_.exchanges() == 0 && !machine_.has_output()) {
    if (peer_leaves_) {
      AwaitPeersEnd();
    } else {
      over_ = true;
      end_ = absl::OkStatus();
    }
  }
  std::optional<absl::Status> end;
  if (end_ && !ended_ && !write_in_flight_) {
    ++operations_;
    ended_ = true;
    end = std::exchange(end_, std::nullopt);
  }
  // Somebody has to poll, calls or not: a session that ended unnoticed would fail the next one.
  const bool was_counted = std::exchange(counted_, operations_ > 0);
  const bool over = was_counted && !counted_;
  if (counted_ && !was_counted) source_.Started();
  std::vector<SessionMachine::Served> served;
  if (machine_.has_served()) served = machine_.TakeServed();
  const bool room = room_awaited_ && machine_.has_room();
  if (room) room_awaited_ = false;
  lock.unlock();
  if (write) StartWrite(Payload(std::move(batch)));
  for (const SessionMachine::Served& each : served) {
    if (each.taken) static_cast<SessionCall&>(*each.lane).Sent();
  }
  if (room) HasRoom();
  if (end) StartEnd(*end);
  if (over) {
    StreamOver();
    source_.Finished();
  }
}

// Who closes a connection while the other writes to it destroys what the other has not read.
void Session::AwaitPeersEnd() {
  if (await_end_) return;
  await_end_ = runtime_->control.At(absl::Now() + kTimeToLeave, [weak = weak_from_this()] {
    if (const std::shared_ptr<Session> session = weak.lock()) {
      session->EndStream(absl::OkStatus());
    }
  });
}

// --- Deadlines.

void Session::WatchDeadline(absl::Time deadline) {
  if (deadline >= next_look_) return;
  next_look_ = deadline;
  if (timer_) runtime_->control.Cancel(*timer_);
  timer_ = runtime_->control.At(deadline, [weak = weak_from_this()] {
    if (const std::shared_ptr<Session> session = weak.lock()) session->LookAtDeadlines();
  });
}

// One look at all calls in place of a timer for each: as a rule, the deadline of the oldest is the
// first to come, and most calls end long before theirs.
void Session::LookAtDeadlines() {
  std::vector<std::shared_ptr<Lane>> late;
  bool stuck = false;
  {
    Lock lock(mutex_);
    const absl::Time now = absl::Now();
    absl::Time next = absl::InfiniteFuture();
    machine_.ForEachLane([&](const std::shared_ptr<Lane>& lane) {
      const absl::Time deadline = static_cast<const SessionCall&>(*lane).session_deadline();
      if (deadline <= now) {
        late.push_back(lane);
      } else {
        next = std::min(next, deadline);
      }
    });
    // What these calls have to say must not wait for ever for a peer that does not read.
    if (!late.empty()) {
      stuck = stuck_since_ && *stuck_since_ + patience_ <= now;
      if (write_in_flight_ && !stuck_since_) stuck_since_ = now;
      if (!stuck) next = std::min(next, stuck_since_.value_or(now) + patience_);
    }
    const absl::Time end = absl::Now();
    next_look_ = absl::InfiniteFuture();
    WatchDeadline(std::max(next, end + kLookShare * (end - now)));
  }
  for (const std::shared_ptr<Lane>& lane : late) {
    static_cast<SessionCall&>(*lane).DeadlinePassed();
  }
  if (stuck) Abort();
}

}  // namespace parley::detail
