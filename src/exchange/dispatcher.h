// What a server does with the calls that its wires bring: finds the method, decides whether the
// call may run, runs the handler, and knows which calls are alive.
#ifndef PARLEY_SRC_EXCHANGE_DISPATCHER_H_
#define PARLEY_SRC_EXCHANGE_DISPATCHER_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "parley/detail/handler.h"
#include "parley/options.h"
#include "src/exchange/runtime.h"

namespace parley::detail {

class IncomingCall;

class Dispatcher {
 public:
  struct Method {
    Handler handler;
    bool internal;  // parley's own, whose calls a shutdown does not wait for
    std::shared_ptr<TaskHistory> history = std::make_shared<TaskHistory>();
  };

  Dispatcher(std::shared_ptr<Runtime> runtime, ServerOptions options);

  // Before the first call. INVALID_ARGUMENT for a malformed path or one that is there already.
  absl::Status Add(Handler handler, bool internal);
  // All of them, in no order; they live as long as the dispatcher.
  std::vector<Method*> Methods() const;
  // The distinct "package.Service" of all methods but parley's own.
  std::vector<std::string> Services() const;

  // --- For wires.
  // Null: nobody has registered it.
  Method* Find(std::string_view path) const;
  // OK: the call is alive until it is destroyed, and Run follows once its request is there. Else
  // the status to refuse it with. `method` may be null.
  absl::Status Accept(IncomingCall& call, Method* method);
  // Runs the handler, here or where handlers belong.
  void Run(std::shared_ptr<IncomingCall> call, bool here);
  void Forget(IncomingCall& call);
  // Whether handlers have an executor of the application's.
  bool has_executor() const { return options_.executor != nullptr; }

  // --- For start and shutdown.
  void AcceptNewCalls() { Accepting(absl::OkStatus()); }
  void RefuseNewCalls() { Accepting(absl::UnavailableError("the server is shutting down")); }
  enum class Calls { kOfTheApplication, kAll };
  // Waits until none of these calls is alive, at most until the deadline, which is asked for again on
  // each Recheck. Returns whether none is.
  bool WaitUntilIdle(Calls calls, absl::FunctionRef<absl::Time()> deadline);
  void Recheck();
  // Whether the calling thread is inside one of the handlers.
  bool InHandler() const { return running_ == this; }
  void CancelAll(const absl::Status& status);
  // The methods of these calls that are alive, with how many each.
  std::string LiveMethods(Calls calls);

  const std::shared_ptr<Runtime>& runtime() const { return runtime_; }
  const ServerOptions& options() const { return options_; }

 private:
  class QueuedRun;

  absl::Status Authorize(IncomingCall& call);
  void Accepting(absl::Status status);
  void Invoke(const std::shared_ptr<IncomingCall>& call);

  // Whose handler this thread is in.
  static thread_local const Dispatcher* running_;

  const std::shared_ptr<Runtime> runtime_;
  const ServerOptions options_;
  absl::flat_hash_map<std::string, std::unique_ptr<Method>> methods_;

  std::mutex mutex_;
  std::condition_variable idle_;
  std::uint64_t rechecks_ = 0;
  absl::Status accepting_ = absl::UnavailableError("the server has not been started");
  std::size_t external_ = 0;            // live calls of methods that are not internal
  IncomingCall* first_live_ = nullptr;  // of a list that the calls themselves are
  std::size_t live_ = 0;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_DISPATCHER_H_
