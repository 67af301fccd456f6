// The sessions of one client, and the calls that wait for one: opens sessions, gives calls to the one
// with the fewest, opens them anew when they break, and spreads them over servers if there are several.
#ifndef PARLEY_SRC_WIRE_SESSION_SESSION_POOL_H_
#define PARLEY_SRC_WIRE_SESSION_SESSION_POOL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/exchange/runtime.h"
#include "src/wire/grpc/plain_client.h"
#include "src/wire/session/session_machine.h"

namespace parley::detail {

class ClientSession;
class SessionOutgoingCall;

class SessionPool : public std::enable_shared_from_this<SessionPool> {
 public:
  // `options.sessions` of them, on the connections in turn.
  SessionPool(std::shared_ptr<Runtime> runtime, CompletionSource& source,
              const ClientOptions& options, std::vector<std::unique_ptr<PlainClient>> connections);
  ~SessionPool();

  // Whether a call of the method can be made on a session at once. If not, this makes sure that one is
  // being opened, unless it is too early to try again.
  bool HasReadyFor(std::string_view method);
  // The client is gone: sessions end with their last call.
  void Close();

  PlainClient& connection() { return *connections_.front(); }

  // --- For calls.
  struct Waiting {
    std::shared_ptr<SessionOutgoingCall> call;
    SessionMachine::Opening opening;
  };
  // Opens the call on a session, now or when there is one; or fails it.
  void Place(Waiting&& call) { Place(std::move(call), 0); }
  // The waiting call has ended.
  void Forget(std::uint64_t waits_as);

  // --- For sessions.
  // `methods`: the only ones that the server takes on sessions, if there are any.
  void Ready(const std::shared_ptr<ClientSession>& session, std::vector<std::string> methods);
  // It was full, and has room for a call.
  void HasRoom(const ClientSession& session);
  // It takes no more calls.
  void Leaves(const ClientSession& session);
  void Over(const ClientSession& session, const absl::Status& status);

 private:
  using Lock = std::unique_lock<std::mutex>;
  struct Slot {
    std::shared_ptr<ClientSession> session;
    // kLeaving: it takes no more calls, and will say why.
    enum { kOpening, kReady, kFull, kLeaving } state = kOpening;
    std::string server;  // as gRPC spells its address, once ready
    absl::Time next_try = absl::InfinitePast();
    absl::Duration backoff = absl::ZeroDuration();
    absl::Status last;  // how the last one ended
    bool has_greeted() const { return session != nullptr && state != kOpening; }
    bool counts() const { return has_greeted() && state != kLeaving; }  // as ready
  };

  // Opens sessions where there is none and one may be tried. Gives up the lock meanwhile.
  void OpenMissing(Lock& lock);
  void Open(Lock& lock, Slot& slot, PlainClient& connection);
  void TryLater(Slot& slot, const absl::Status& status, bool draining);
  absl::Time NextTry() const;
  void RetryLater();
  Slot* SlotOf(const ClientSession& session);
  void Remove(const ClientSession& session, const absl::Status& status, bool draining);

  // --- Several servers.
  std::vector<std::string_view> Servers() const;  // of the slots
  // Puts the trial where it belongs, and returns the session that is not needed any more.
  std::shared_ptr<ClientSession> PlaceTrial();
  // `soon`: something has changed.
  void TryServersLater(bool soon);

  // `place`: in the queue, if it has one.
  void Place(Waiting&& call, std::uint64_t place);
  std::shared_ptr<ClientSession> LeastLoaded();
  // `session` has refused a call.
  void Refused(const ClientSession& session);
  // Whether something is under way that calls may wait for.
  bool IsChanging() const;
  void PlaceWaiting();
  void FailWaiting(Lock& lock, const absl::Status& status);

  const std::shared_ptr<Runtime> runtime_;
  CompletionSource& source_;
  const SessionMachine::Limits limits_;
  const absl::Duration patience_;  // of sessions
  const absl::Duration max_backoff_;
  const bool spreads_;  // over several servers
  const std::function<absl::Status(std::string_view method, Metadata& metadata)> stream_metadata_;
  const std::vector<std::unique_ptr<PlainClient>> connections_;
  std::atomic<int> ready_ = 0;
  std::atomic<bool> may_open_ = true;  // a slot is empty, and it may be time
  std::atomic<bool> has_methods_ = false;

  std::mutex mutex_;
  std::vector<Slot> slots_;
  // A session more, now and then: gRPC picks the server, and this finds out whether there is one that
  // has too few.
  Slot trial_;
  bool trial_due_ = false;
  std::size_t trials_ = 0;  // in vain
  absl::Duration trial_wait_ = absl::ZeroDuration();
  std::optional<Control::Timer> trial_timer_;
  std::size_t turn_ = 0;                      // of the slots, where several have equally few calls
  std::map<std::uint64_t, Waiting> waiting_;  // in the order in which they came
  std::uint64_t next_ = 1;
  absl::flat_hash_set<std::string> methods_;  // as the last server has said
  bool closed_ = false;
  std::optional<Control::Timer> retry_;
  std::minstd_rand random_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_SESSION_SESSION_POOL_H_
