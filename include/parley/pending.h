// What every asynchronous operation returns: a result that is on its way.
#ifndef PARLEY_PENDING_H_
#define PARLEY_PENDING_H_

#include <concepts>
#include <coroutine>
#include <memory>
#include <optional>
#include <utility>

#include "parley/detail/call_memory.h"
#include "parley/detail/exchange.h"

namespace parley {

// A T to wait for in one of three ways.
//
// Example:  absl::StatusOr<Answer> answer = co_await client.AsyncCall(kAsk, question);
//           client.AsyncCall(kAsk, question).Then([](absl::StatusOr<Answer> answer) { ... });
//           absl::StatusOr<Answer> answer = client.AsyncCall(kAsk, question).Wait();
// Blocks:   Wait, until the result is there; nothing else.
// Threads:  external synchronisation. Callbacks and resumptions run on the executor of the client
//           or server, never on a gRPC thread and never inside the call that registered them; they
//           must not throw.
// Lifetime: dropping a pending call cancels it. Dropping a pending read or write leaves the call
//           alive and loses no message. A coroutine that is suspended here must not be destroyed:
//           cancel the call, and it resumes.
template <class T>
class [[nodiscard]] Pending final : private detail::Waiter {
 public:
  // Internal: a result that `take` produces once `slot` of `exchange` is ready. `take` is told
  // whether another waiter has the slot already. `cancel_if_dropped` cancels the call when nobody
  // takes the result.
  using Take = T (*)(detail::Exchange& exchange, void* argument, bool busy);
  Pending(std::shared_ptr<detail::Exchange> exchange, detail::Slot slot, Take take,
          void* argument = nullptr, bool cancel_if_dropped = false)
      : exchange_(std::move(exchange)),
        slot_(slot),
        take_(take),
        argument_(argument),
        cancel_if_dropped_(cancel_if_dropped) {}
  // Internal: a result that is there.
  Pending(std::shared_ptr<detail::Exchange> exchange, T value)
      : exchange_(std::move(exchange)), value_(std::move(value)) {}

  // Only before it is awaited.
  Pending(Pending&& other) noexcept = default;
  Pending& operator=(Pending&&) = delete;

  ~Pending() {
    if (exchange_ == nullptr) return;
    if (armed_) exchange_->Disarm(slot_, this);
    if (cancel_if_dropped_) exchange_->Cancel(absl::CancelledError("the pending call was dropped"));
  }

  // Calls `callback(T)` on the executor.
  template <std::invocable<T> F>
  void Then(F callback) && {
    (new Callback<F>(std::move(*this), std::move(callback)))->Start();
  }

  // Blocks until the result is there and returns it.
  T Wait() && {
    const bool busy = !value_ && !exchange_->Block(slot_);
    return Result(busy);
  }

  // For co_await.
  bool await_ready() const noexcept { return value_.has_value(); }
  bool await_suspend(std::coroutine_handle<> coroutine) {
    coroutine_ = coroutine;
    armed_ = true;
    // Once armed, the coroutine may already run elsewhere: nothing of this object may be touched.
    const detail::Exchange::Armed armed = exchange_->Arm(slot_, this);
    if (armed == detail::Exchange::Armed::kArmed) return true;
    armed_ = false;
    busy_ = armed == detail::Exchange::Armed::kBusy;
    return false;
  }
  T await_resume() {
    armed_ = false;
    return Result(busy_);
  }

 private:
  template <class F>
  class Callback final : private detail::Waiter, public detail::InCallMemory {
   public:
    Callback(Pending pending, F callback)
        : pending_(std::move(pending)), callback_(std::move(callback)) {}

    void Start() {
      if (!pending_.value_) {
        // As above: after kArmed this object may be gone.
        const auto armed = pending_.exchange_->Arm(pending_.slot_, this);
        if (armed == detail::Exchange::Armed::kArmed) return;
        pending_.busy_ = armed == detail::Exchange::Armed::kBusy;
      }
      Fire();
    }

   private:
    void Fire() override {
      detail::Exchange& exchange = *pending_.exchange_;
      exchange.Post([self = std::unique_ptr<Callback>(this)] {
        self->callback_(self->pending_.Result(self->pending_.busy_));
      });
    }

    Pending pending_;
    F callback_;
  };

  void Fire() override {
    exchange_->Post([coroutine = coroutine_] { coroutine.resume(); });
  }

  T Result(bool busy) {
    cancel_if_dropped_ = false;
    if (value_) return std::move(*value_);
    return take_(*exchange_, argument_, busy);
  }

  std::shared_ptr<detail::Exchange> exchange_;
  detail::Slot slot_ = detail::Slot::kEnd;
  Take take_ = nullptr;
  void* argument_ = nullptr;
  bool cancel_if_dropped_ = false;
  bool busy_ = false;
  bool armed_ = false;
  std::optional<T> value_;
  std::coroutine_handle<> coroutine_;
};

}  // namespace parley

#endif  // PARLEY_PENDING_H_
