// One call as either side sees it, without types and without a transport: the only thing that the
// typed classes know of what is below them. Implemented by src/exchange/call.h.
#ifndef PARLEY_DETAIL_EXCHANGE_H_
#define PARLEY_DETAIL_EXCHANGE_H_

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "parley/detail/payload.h"
#include "parley/detail/waiter.h"
#include "parley/metadata.h"
#include "parley/options.h"

namespace parley::detail {

// A call's two directions, its deadline, its cancellation and its one final status.
//
// Blocks:   Block only.
// Threads:  safe; one waiter for each Slot at a time.
// Lifetime: shared; outlives its wire's use of it.
class Exchange {
 public:
  virtual ~Exchange() = default;

  // --- Sending.
  // How to allocate what will be sent; null if this exchange carries objects as they are.
  virtual AllocateBlock allocator() const = 0;
  // Takes the message, whether there is room or not. True: there is room for another; else wait for
  // kWrite before the next one. FAILED_PRECONDITION if the sending side was closed or another thread
  // is waiting to write, RESOURCE_EXHAUSTED if the message is over the limit, else the reason why
  // the call is over.
  virtual absl::StatusOr<bool> Write(Payload&& message) = 0;
  // Whether a message would have to wait; an error if the call is over.
  virtual absl::StatusOr<bool> HasRoom() = 0;
  // After a wait for kWrite: OK, or why the call is over.
  virtual absl::Status WriteStatus() = 0;
  // Client: no more messages follow.
  virtual void WritesDone() = 0;
  // Server: the final status, after `message` if there is one. The first caller wins.
  virtual void Finish(absl::Status status, std::optional<Payload>&& message) = 0;

  // --- Receiving.
  // The next message if one is there.
  virtual std::optional<Payload> Take() = 0;
  // Why there are no more messages. Client: the call's status. Server: OK only if the client closed
  // its side.
  virtual absl::Status ReadStatus() = 0;

  // --- Waiting.
  enum class Armed { kReady, kArmed, kBusy };
  // kArmed: `waiter` fires once. kBusy: another waiter has the slot.
  virtual Armed Arm(Slot slot, Waiter* waiter) = 0;
  // Returns false if `waiter` has fired or is about to.
  virtual bool Disarm(Slot slot, Waiter* waiter) = 0;
  // Blocks until the slot is ready; false if another waiter has it.
  virtual bool Block(Slot slot) = 0;
  // Runs `task` where callbacks belong. It may be the last owner of this exchange.
  virtual void Post(absl::AnyInvocable<void()>&& task) = 0;

  // --- The end.
  // Client: the final status, which counts as seen from now on; UNKNOWN before kEnd is ready.
  virtual absl::Status FinalStatus() = 0;
  // The same for calls with one response, which is taken; OK without one is INTERNAL.
  virtual absl::StatusOr<Payload> TakeResponse() = 0;
  // Ends the call with `status` unless it has ended. On a client that is the final status; on a
  // server it is sent in place of whatever the handler will say.
  virtual void Cancel(absl::Status status) = 0;
  // The same because of a message that Take gave and that can't be used. It is missing for good, so
  // an end in order that had come behind it, and that nobody has seen, is none.
  virtual void Reject(absl::Status status) = 0;
  // The user's end let go: cancels what has not ended, logs an error that nobody saw.
  virtual void Drop() = 0;

  // To the application's log.
  virtual void Log(Severity severity, std::string_view text) = 0;

  // --- Around the messages.
  virtual std::string_view method() const = 0;
  virtual std::string peer() = 0;
  virtual absl::Time deadline() const = 0;
  virtual std::stop_token stop_token() = 0;        // server
  virtual const Metadata& RequestMetadata() = 0;   // server
  virtual const Metadata& InitialMetadata() = 0;   // client, once kHeaders is ready
  virtual const Metadata& TrailingMetadata() = 0;  // client, once kEnd is ready
  virtual absl::Status AddInitialMetadata(std::string_view key, std::string_view value) = 0;
  virtual absl::Status AddTrailingMetadata(std::string_view key, std::string_view value) = 0;
};

// `message` as `exchange` carries it; `borrow` where the caller keeps it until the call has ended.
template <class T>
absl::StatusOr<Payload> MakePayload(const Exchange& exchange, const T& message,
                                    bool borrow = false) {
  AllocateBlock allocate = exchange.allocator();
  if (allocate == nullptr) {
    if (borrow) return Payload::Borrow(&kTypeOps<T>, &message);
    if constexpr (std::is_copy_constructible_v<T>) {
      return Payload::Own(&kTypeOps<T>, new T(message));
    }
    allocate = AllocateHeapBlock;
  }
  Buffer bytes(allocate);
  if (absl::Status status = Codec<T>::Encode(message, bytes); !status.ok()) return status;
  return Payload(std::move(bytes));
}

}  // namespace parley::detail

#endif  // PARLEY_DETAIL_EXCHANGE_H_
