// What both ends of a call have in common: the state machine under its lock, the waiters, the
// deadline. A wire derives from OutgoingCall or IncomingCall and does what the machine says; the
// typed classes see an Exchange.
#ifndef PARLEY_SRC_EXCHANGE_CALL_H_
#define PARLEY_SRC_EXCHANGE_CALL_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <forward_list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "parley/detail/exchange.h"
#include "src/exchange/machine.h"
#include "src/exchange/runtime.h"

namespace parley::detail {

struct CallLimits {
  Machine::Limits queues;
  std::size_t max_message_bytes;
};

class Call : public Exchange, public std::enable_shared_from_this<Call> {
 public:
  ~Call() override;

  absl::StatusOr<bool> Write(Payload&& message) override;
  absl::StatusOr<bool> HasRoom() override;
  absl::Status WriteStatus() override;
  std::optional<Payload> Take() override;
  absl::Status ReadStatus() override;
  Armed Arm(Slot slot, Waiter* waiter) override;
  bool Disarm(Slot slot, Waiter* waiter) override;
  bool Block(Slot slot) override;
  void Post(absl::AnyInvocable<void()>&& task) override;
  void Cancel(absl::Status status) override;
  void Log(Severity severity, std::string_view text) override { runtime_->log(severity, text); }
  std::string_view method() const override { return method_; }
  absl::Time deadline() const override { return deadline_; }

  // Before anybody else has the call. The characters must outlive it.
  void set_method(std::string_view method) { method_ = method; }
  void set_deadline(absl::Time deadline) { deadline_ = deadline; }
  // Ends the call at its deadline, where the wire does not do so itself.
  void WatchDeadline();

 protected:
  Call(std::shared_ptr<Runtime> runtime, Machine::Side side, CallLimits limits,
       Machine::Reads reads);

  // --- What a wire does when the machine says so: never blocking, never called under a lock.
  virtual void StartRead() {}  // unless it reads always
  // What comes after a message, as far as it is known.
  enum class Next { kUnknown, kMessage, kClose };
  // `next`: a wire may hold the message back for another message, whose write follows as soon as
  // this one is done; the half-close or the final status goes with it. True: it is done, and nothing
  // will be reported.
  virtual bool StartWrite(Payload&& message, Next next) = 0;
  virtual bool StartClose() = 0;
  virtual void StartStatus() {}  // client
  // With Reads::kAlways: the user took a message of this size; `empty`: there is no other yet.
  virtual void Taken(std::size_t, bool /*empty*/) {}
  virtual void CancelWire() = 0;
  virtual void RequestStop() {}  // server
  virtual void Expire();

  // Feeds the machine one event, Actions(Machine&), and does what it says, after `first`.
  template <class Event, class First>
  void Step(Event event, First first) {
    std::unique_lock lock(mutex_);
    Machine::Actions actions = event(machine_);
    const Woken woken = CollectWoken(actions.wake);
    lock.unlock();
    first();
    if (Perform(actions, woken)) WrittenAtOnce();
  }
  template <class Event>
  void Step(Event event) {
    Step(std::move(event), [] {});
  }
  // The same for an event because of which nothing has to happen.
  template <class Event>
  void Tell(Event event) {
    std::unique_lock lock(mutex_);
    event(machine_);
  }
  // The first step of a call that nobody else has yet, so that it takes no lock.
  template <class Event, class First>
  void FirstStep(Event event, First first) {
    Machine::Actions actions = event(machine_);
    first();
    if (Perform(actions, Woken())) WrittenAtOnce();
  }

  // RESOURCE_EXHAUSTED with both numbers if `message` is over the limit.
  absl::Status CheckSize(const Payload& message) const;

  // Under the mutex; on a server also without it, for whoever starts the close.
  const std::optional<absl::Status>& final_status() const { return machine_.final_status(); }
  // Under the mutex.
  bool close_started() const { return machine_.close_started(); }
  // Under the mutex: a message, if there is one, where nothing has to happen because of it.
  std::optional<Payload> TakeOnly() {
    if (!machine_.HasMessage()) return std::nullopt;
    return machine_.Take();
  }

  // Has `Action`, which captures nothing, done to this call at `time`, unless it is gone by then. Under the
  // mutex.
  template <class Action>
  void At(absl::Time time, Action) {
    timers_.push_front(runtime_->control.At(time, [weak = weak_from_this()] {
      if (const std::shared_ptr<Call> call = weak.lock()) Action{}(*call);
    }));
  }

  template <class Question>
  auto Ask(Question question) {
    std::unique_lock lock(mutex_);
    return question(std::as_const(machine_));
  }

  const std::shared_ptr<Runtime> runtime_;
  const std::size_t max_message_bytes_;
  // Guards the machine, the waiters and what derived classes say.
  std::mutex mutex_;

 private:
  // Those that an event wakes, and have been forgotten.
  struct Woken {
    unsigned slots = 0;  // a bit for each
    int interested = 0;  // how many
    std::array<Waiter*, kSlots> waiters;
  };

  Armed ArmWith(Slot slot, Waiter* waiter, bool interested);
  Woken CollectWoken(unsigned wake);
  // Returns whether a write was done at once.
  bool Perform(Machine::Actions& actions, const Woken& woken);
  void WrittenAtOnce();

  Machine machine_;
  // Whether the last Take left a message behind; for whoever reads.
  std::atomic<bool> has_next_ = false;
  // A bit for each slot: whether somebody waits for it, and whether nobody polls for that one but the pool.
  unsigned armed_ = 0;
  unsigned interested_ = 0;
  std::array<Waiter*, kSlots> waiters_{};
  std::string_view method_;
  absl::Time deadline_ = absl::InfiniteFuture();
  std::forward_list<Control::Timer> timers_;  // as a rule none; under the mutex
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_CALL_H_
