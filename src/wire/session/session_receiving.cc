// What a session does with a message of the stream: takes its frames in, and tells their calls.
#include <cstddef>
#include <optional>
#include <utility>

#include "src/wire/session/session.h"

namespace parley::detail {
namespace {

// So many frames are taken in before what they have brought is told to their calls.
constexpr std::size_t kMostFrames = 64;
// How many calls ahead memory is asked for. With thousands of calls it has left the caches.
constexpr std::size_t kAhead = 3;

}  // namespace

void Session::Arrived(Block batch) {
  Lock lock(mutex_);
  machine_.Arrived(std::move(batch));
  std::size_t events = 0;
  absl::StatusOr<bool> more = true;
  while (more.ok() && *more) {
    more = ReceiveSome();
    events += following_.size() + messages_.size();
    Settle(lock);
    DeliverReceived();
    lock.lock();
  }
  if (!more.ok()) {
    lock.unlock();
    Break(more.status());
    EndStream(more.status());
    return StartRead();  // of the stream's end
  }
  const std::uint64_t idle_times = source_.idle_times();
  crowded_ = events > 1 || idle_times_ == idle_times;
  idle_times_ = idle_times;
  read_wanted_ = true;
  Defer();
  Settle(lock);
}

// Many frames under one lock, and what they have brought without it.
absl::StatusOr<bool> Session::ReceiveSome() {
  Lane* last = nullptr;
  events_.emplace_back();
  for (std::size_t i = 0; i < kMostFrames; ++i) {
    SessionMachine::Event& event = events_.back();
    absl::StatusOr<bool> more = machine_.Receive(event, last);
    if (!more.ok() || !*more) return more;
    if (std::exchange(event.follows, false)) {
      messages_.push_back(*std::exchange(event.message, std::nullopt));
      ++following_.back();
      continue;
    }
    last = event.lane.get();
    if (event.opened) {
      WatchDeadline(static_cast<const SessionCall&>(*event.lane).session_deadline());
    }
    following_.push_back(0);
    events_.emplace_back();
  }
  return true;
}

void Session::DeliverReceived() {
  absl::Span<Payload> messages = absl::MakeSpan(messages_);
  for (std::size_t i = 0; i < following_.size(); ++i) {
    SessionMachine::Event& event = events_[i];
    if (i + kAhead < following_.size() && events_[i + kAhead].lane != nullptr) {
      static_cast<const SessionCall&>(*events_[i + kAhead].lane).Prefetch();
    }
    if (event.lane != nullptr) {
      static_cast<SessionCall&>(*event.lane).Deliver(event, messages.first(following_[i]));
    } else if (event.hello || event.draining) {
      DeliverOwn(event);
    }
    messages.remove_prefix(following_[i]);
  }
  events_.clear();
  following_.clear();
  messages_.clear();
}

}  // namespace parley::detail
