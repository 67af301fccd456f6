// A gRPC completion queue as the source of a loop's events.
#ifndef PARLEY_SRC_WIRE_GRPC_COMPLETION_SOURCE_H_
#define PARLEY_SRC_WIRE_GRPC_COMPLETION_SOURCE_H_

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "src/exchange/loop.h"
#include "src/wire/grpc/spin_policy.h"

namespace parley::detail {

// One operation that was handed to gRPC; its address is the tag.
class Operation {
 public:
  virtual void Done(bool ok) = 0;
  // Nobody has to poll for its sake.
  bool in_background = false;

 protected:
  ~Operation() = default;
};

// What the poller does next: it looks whether an event is there, or waits for one because there was
// none, or stops polling. kOverdue: whatever it does, there is work that has waited for too long.
enum class Pause { kNone, kIdle, kOverdue, kLeaving };

// Something that may wait until the poller has nothing else to do.
class Deferred {
 public:
  // What is put off once more defers itself again.
  virtual void RunDeferred(Pause pause) = 0;

 protected:
  ~Deferred() = default;
};

class CompletionSource final : public EventSource {
 public:
  explicit CompletionSource(std::shared_ptr<grpc::CompletionQueue> queue)
      : queue_(std::move(queue)) {}
  ~CompletionSource() override;

  Polled Poll(Wait wait) override;
  void Wake() override;
  void Shutdown() override { queue_->Shutdown(); }
  bool Settle() override;
  bool Overdue() const override;
  bool Busy() const override {
    return started_.load(std::memory_order_relaxed) > background_.load(std::memory_order_relaxed);
  }

  // Before an operation is handed to gRPC. What its thread did before happens before the operation is
  // done: gRPC sees to that too, but where no tool can see it.
  void Started(bool in_background = false) {
    if (in_background) background_.fetch_add(1, std::memory_order_relaxed);
    started_.fetch_add(1, std::memory_order_release);
  }
  // The same for what is not one operation; each has its Finished.
  void Finished() { started_.fetch_sub(1, std::memory_order_acq_rel); }

  // Runs `work` before the next poll, and at each pause as long as it defers itself again. What is put off
  // does not make a poller return that waits already.
  void Defer(std::shared_ptr<Deferred> work);
  // Unless it will return soon by itself, because it began to wait when something was put off.
  void WakeFromLongWait() {
    if (waits_long_) Wake();
  }

  // How often no event was ready; for the poller.
  std::uint64_t idle_times() const { return idle_times_; }

  grpc::CompletionQueue* queue() const { return queue_.get(); }

 private:
  struct Woken final : Operation {
    void Done(bool) override { pending = false; }
    std::atomic<bool> pending = false;
  };

  static constexpr std::chrono::microseconds kLongestDelay{200};

  // gRPC looks at its connections when a queue that is asked has nothing ready. Thousands of streams with
  // messages that have been read already keep it from that for so long that the peer's kernel, whose data
  // nobody takes, gives the connection up.
  static constexpr int kMostReadyInARow = 256;

  enum class Next { kEvent, kNothing, kShutdown };
  // Sleeps until there is an event, or something that was put off is overdue.
  Next Sleep(void** tag, bool* ok);

  void RunDeferred(Pause pause);
  bool Ask(void** tag, bool* ok);
  // Has gRPC read and write, whatever is ready already.
  void LookAtConnections();
  // Whether the next event came within a short while.
  bool Spin(void** tag, bool* ok);

  const std::shared_ptr<grpc::CompletionQueue> queue_;
  std::atomic<int> started_ = 0;
  std::atomic<int> background_ = 0;  // of these
  SpinPolicy spin_policy_;           // of whoever polls
  std::uint64_t idle_times_ = 0;     // too
  int ready_in_a_row_ = 0;           // too
  grpc::CompletionQueue empty_;      // nothing is ever started on it
  Woken woken_;
  grpc::Alarm alarm_;

  std::mutex mutex_;
  std::vector<std::shared_ptr<Deferred>> deferred_;
  // When the first of them came, in steady time; 0: there are none.
  std::atomic<std::chrono::steady_clock::rep> deferred_since_ = 0;
  std::chrono::steady_clock::rep running_since_ = 0;  // the same of those that run now
  std::atomic<bool> waits_long_ = false;
  std::vector<std::shared_ptr<Deferred>> running_;  // of whoever settles, to keep its memory
};

// An operation of an object that must live until it is done: Done calls a member function of Owner
// and lets go of it.
template <class Owner, void (Owner::*kDone)(bool)>
class OperationOf final : public Operation {
 public:
  // The tag for the next use; one use at a time.
  void* Start(CompletionSource& source, std::shared_ptr<Owner> owner) {
    owner_ = std::move(owner);
    source.Started(in_background);
    return tag();
  }
  void* tag() { return static_cast<Operation*>(this); }
  void Done(bool ok) override {
    const std::shared_ptr<Owner> owner = std::move(owner_);
    (owner.get()->*kDone)(ok);
  }

 private:
  std::shared_ptr<Owner> owner_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_GRPC_COMPLETION_SOURCE_H_
