#include "src/wire/session/session_pool.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/wire/session/client_session.h"
#include "src/wire/session/session_balance.h"
#include "src/wire/session/session_limits.h"
#include "src/wire/session/session_outgoing_call.h"

namespace parley::detail {
namespace {

constexpr absl::Duration kFirstBackoff = absl::Milliseconds(100);
// A call waits this long for the next try, rather than fail.
constexpr absl::Duration kSoon = absl::Milliseconds(250);
// A server that does not speak sessions may be replaced by one that does.
constexpr absl::Duration kFirstRefusal = absl::Seconds(30);
constexpr absl::Duration kLongestRefusal = absl::Minutes(10);
// Between looks for a server that has too few sessions: several soon after each other, so that gRPC
// comes to each server. At the beginning all sessions may be on the one that was connected first.
constexpr absl::Duration kFirstTrial = absl::Milliseconds(50);
constexpr absl::Duration kLastTrial = absl::Seconds(5);

}  // namespace

SessionPool::SessionPool(std::shared_ptr<Runtime> runtime, CompletionSource& source,
                         const ClientOptions& options,
                         std::vector<std::unique_ptr<PlainClient>> connections)
    : runtime_(std::move(runtime)),
      source_(source),
      limits_(SessionLimits(options.max_message_bytes, options.receive_queue_bytes,
                            std::numeric_limits<std::int32_t>::max())),
      patience_(options.keepalive_timeout),
      max_backoff_(options.max_reconnect_backoff),
      spreads_(options.load_balancing != LoadBalancing::kPickFirst),
      stream_metadata_(options.per_call_metadata),
      connections_(std::move(connections)),
      slots_(MostSessions(options)),
      random_(std::random_device()()) {}

SessionPool::~SessionPool() {
  if (retry_) runtime_->control.Cancel(*retry_);
  if (trial_timer_) runtime_->control.Cancel(*trial_timer_);
}

bool SessionPool::HasReadyFor(std::string_view method) {
  if (may_open_.load(std::memory_order_relaxed)) {
    Lock lock(mutex_);
    OpenMissing(lock);
  }
  if (has_methods_.load(std::memory_order_relaxed)) {
    Lock lock(mutex_);
    if (!methods_.contains(absl::string_view(method.data(), method.size()))) return false;
  }
  return ready_.load(std::memory_order_relaxed) > 0;
}

void SessionPool::Close() {
  std::vector<std::shared_ptr<ClientSession>> sessions;
  {
    Lock lock(mutex_);
    closed_ = true;
    for (const Slot& slot : slots_) {
      if (slot.has_greeted() || (slot.session != nullptr && waiting_.empty())) {
        sessions.push_back(slot.session);
      }
    }
    if (trial_.session != nullptr) sessions.push_back(trial_.session);
  }
  for (const auto& session : sessions) session->Leave();
}

// --- Opening.

void SessionPool::OpenMissing(Lock& lock) {
  const absl::Time now = absl::Now();
  for (std::size_t place = 0; place < slots_.size(); ++place) {
    if (slots_[place].session == nullptr && slots_[place].next_try <= now) {
      Open(lock, slots_[place], *connections_[place % connections_.size()]);
    }
  }
  if (std::exchange(trial_due_, false)) Open(lock, trial_, *connections_.front());
  may_open_ = trial_due_ || std::any_of(slots_.begin(), slots_.end(),
                                        [](const Slot& slot) { return slot.session == nullptr; });
}

void SessionPool::Open(Lock& lock, Slot& slot, PlainClient& connection) {
  const auto session =
      std::make_shared<ClientSession>(weak_from_this(), runtime_, source_, limits_, patience_);
  slot.session = session;
  slot.state = Slot::kOpening;
  lock.unlock();
  Metadata metadata;
  absl::Status status;
  if (stream_metadata_) status = stream_metadata_(kSessionMethod, metadata);
  if (status.ok()) status = metadata.Validate();
  if (status.ok()) {
    session->Open(connection.MethodNamed(kSessionMethod), metadata);
  } else {
    Over(*session, status);
  }
  lock.lock();
}

void SessionPool::TryLater(Slot& slot, const absl::Status& status, bool draining) {
  absl::Duration wait = absl::ZeroDuration();
  if (slot.has_greeted()) {
    // It has worked, so it will soon again; but a server that drains is still about to go.
    slot.backoff = absl::ZeroDuration();
    wait = draining ? kFirstBackoff : absl::ZeroDuration();
  } else if (status.code() == absl::StatusCode::kUnavailable) {
    slot.backoff =
        std::clamp(slot.backoff * 1.6, kFirstBackoff, std::max(kFirstBackoff, max_backoff_));
    wait = slot.backoff * std::uniform_real_distribution<>(0.8, 1.2)(random_);
  } else {
    slot.backoff = std::clamp(slot.backoff * 2, kFirstRefusal, kLongestRefusal);
    wait = slot.backoff;
  }
  slot.next_try = absl::Now() + wait;
  slot.last = status;
  may_open_ = true;
}

absl::Time SessionPool::NextTry() const {
  absl::Time next = absl::InfiniteFuture();
  for (const Slot& slot : slots_) {
    if (slot.session == nullptr) next = std::min(next, slot.next_try);
  }
  return next;
}

// For calls that wait.
void SessionPool::RetryLater() {
  const absl::Time next = NextTry();
  if (next == absl::InfiniteFuture()) return;
  if (retry_) runtime_->control.Cancel(*retry_);
  retry_ = runtime_->control.At(next, [weak = weak_from_this()] {
    const std::shared_ptr<SessionPool> pool = weak.lock();
    if (pool == nullptr) return;
    Lock lock(pool->mutex_);
    if (!pool->waiting_.empty()) pool->OpenMissing(lock);
  });
}

// --- Calls.

std::shared_ptr<ClientSession> SessionPool::LeastLoaded() {
  std::shared_ptr<ClientSession> best;
  std::size_t least = std::numeric_limits<std::size_t>::max();
  if (spreads_) ++turn_;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[(turn_ + i) % slots_.size()];
    if (slot.session == nullptr || slot.state != Slot::kReady) continue;
    const std::size_t load = slots_.size() == 1 ? 0 : slot.session->exchanges();
    if (load >= least) continue;
    best = slot.session;
    least = load;
  }
  return best;
}

bool SessionPool::IsChanging() const {
  return std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) {
    return slot.session != nullptr &&
           (slot.state == Slot::kOpening || slot.state == Slot::kLeaving);
  });
}

void SessionPool::Refused(const ClientSession& session) {
  Slot* const slot = SlotOf(session);
  if (slot == nullptr || slot->state != Slot::kReady) return;
  switch (slot->session->AwaitRoom()) {
    case Session::Room::kNow:
      return;
    case Session::Room::kLater:
      slot->state = Slot::kFull;
      return;
    case Session::Room::kNever:
      slot->state = Slot::kLeaving;
      --ready_;
      return;
  }
}

void SessionPool::Place(Waiting&& waiting, std::uint64_t place) {
  Lock lock(mutex_);
  if (may_open_.load(std::memory_order_relaxed)) OpenMissing(lock);
  while (const std::shared_ptr<ClientSession> session = LeastLoaded()) {
    lock.unlock();
    if (waiting.call->OpenOn(session, waiting.opening)) return;
    lock.lock();
    Refused(*session);
  }
  const bool soon = IsChanging() || NextTry() <= absl::Now() + kSoon;
  if (!soon && !waiting.call->waits_for_ready()) {
    absl::Status status =
        absl::ResourceExhaustedError("all sessions have as many calls as they take");
    for (const Slot& slot : slots_) {
      if (slot.session == nullptr) status = slot.last;
    }
    lock.unlock();
    return waiting.call->Fail(std::move(status));
  }
  if (place == 0) place = next_++;
  const std::shared_ptr<SessionOutgoingCall> call = waiting.call;
  call->WillWait();
  waiting_.emplace(place, std::move(waiting));
  RetryLater();
  lock.unlock();
  if (!call->Waits(place)) Forget(place);
}

void SessionPool::Forget(std::uint64_t waits_as) {
  decltype(waiting_)::node_type forgotten;
  Lock lock(mutex_);
  forgotten = waiting_.extract(waits_as);
  lock.unlock();
}

void SessionPool::PlaceWaiting() {
  Lock lock(mutex_);
  while (!waiting_.empty() && LeastLoaded() != nullptr) {
    auto first = waiting_.extract(waiting_.begin());
    lock.unlock();
    Place(std::move(first.mapped()), first.key());
    first = {};  // the application's code may run where its request goes
    lock.lock();
  }
}

void SessionPool::FailWaiting(Lock& lock, const absl::Status& status) {
  std::vector<Waiting> failed;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    auto next = std::next(it);
    if (!it->second.call->waits_for_ready()) {
      failed.push_back(std::move(it->second));
      waiting_.erase(it);
    }
    it = next;
  }
  lock.unlock();
  for (const Waiting& each : failed) each.call->Fail(status);
}

// --- Sessions.

SessionPool::Slot* SessionPool::SlotOf(const ClientSession& session) {
  for (Slot& slot : slots_) {
    if (slot.session.get() == &session) return &slot;
  }
  return trial_.session.get() == &session ? &trial_ : nullptr;
}

void SessionPool::Ready(const std::shared_ptr<ClientSession>& session,
                        std::vector<std::string> methods) {
  std::shared_ptr<ClientSession> leaving;
  {
    Lock lock(mutex_);
    Slot* const slot = SlotOf(*session);
    if (slot == nullptr) return;
    slot->state = Slot::kReady;
    if (spreads_) slot->server = session->peer();
    methods_ = {methods.begin(), methods.end()};
    has_methods_ = !methods_.empty();
    if (slot == &trial_) {
      leaving = PlaceTrial();
    } else {
      ++ready_;
      TryServersLater(/*soon=*/true);
    }
    if (closed_) leaving = session;
  }
  if (leaving != nullptr && leaving != session) leaving->Retire();
  PlaceWaiting();
  if (leaving == session) session->Leave();
}

void SessionPool::HasRoom(const ClientSession& session) {
  {
    Lock lock(mutex_);
    Slot* const slot = SlotOf(session);
    if (slot == nullptr || slot->state != Slot::kFull) return;
    slot->state = Slot::kReady;
  }
  PlaceWaiting();
}

void SessionPool::Leaves(const ClientSession& session) {
  Remove(session, absl::UnavailableError("the server is shutting down"), true);
}

void SessionPool::Over(const ClientSession& session, const absl::Status& status) {
  Remove(session, status, false);
}

void SessionPool::Remove(const ClientSession& session, const absl::Status& status, bool draining) {
  std::shared_ptr<ClientSession> removed;
  Lock lock(mutex_);
  Slot* const slot = SlotOf(session);
  if (slot == nullptr) return;
  if (slot == &trial_) {
    removed = std::move(trial_.session);
    return TryServersLater(/*soon=*/false);
  }
  if (slot->counts()) --ready_;
  TryLater(*slot, status, draining);
  removed = std::move(slot->session);
  if (waiting_.empty()) return;
  RetryLater();
  // After a drain the next try comes as soon as new calls are told to wait for.
  const absl::Time soon = absl::Now() + (draining ? kSoon : absl::ZeroDuration());
  if (!IsChanging() && NextTry() > soon) FailWaiting(lock, status);
}

// --- Several servers.

std::vector<std::string_view> SessionPool::Servers() const {
  std::vector<std::string_view> servers;
  for (const Slot& slot : slots_) {
    servers.push_back(slot.counts() ? std::string_view(slot.server) : std::string_view());
  }
  return servers;
}

std::shared_ptr<ClientSession> SessionPool::PlaceTrial() {
  const std::optional<std::size_t> place = PlaceOnCrowdedServer(Servers(), trial_.server);
  TryServersLater(/*soon=*/place.has_value());
  if (!place) return std::move(trial_.session);
  slots_[*place].server = std::move(trial_.server);
  slots_[*place].state = Slot::kReady;
  return std::exchange(slots_[*place].session, std::move(trial_.session));
}

void SessionPool::TryServersLater(bool soon) {
  if (!spreads_ || closed_) return;
  if (soon) {
    trials_ = 0;
    trial_wait_ = kFirstTrial;
  } else if (++trials_ % slots_.size() == 0) {
    trial_wait_ = std::min(2 * trial_wait_, kLastTrial);
  }
  const absl::Duration wait = trials_ % slots_.size() == 0 ? trial_wait_ : kFirstTrial;
  if (trial_timer_) runtime_->control.Cancel(*trial_timer_);
  trial_timer_ = runtime_->control.At(absl::Now() + wait, [weak = weak_from_this()] {
    const std::shared_ptr<SessionPool> pool = weak.lock();
    if (pool == nullptr) return;
    Lock lock(pool->mutex_);
    pool->trial_due_ = pool->trial_.session == nullptr && !pool->closed_ &&
                       PlaceOnCrowdedServer(pool->Servers(), "another").has_value();
    if (pool->trial_due_) pool->may_open_ = true;  // the next call opens it
  });
}

}  // namespace parley::detail
