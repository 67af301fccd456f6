// Where an application wants its callbacks, coroutine resumptions and handlers to run, if not on
// parley's own threads.
#ifndef PARLEY_EXECUTOR_H_
#define PARLEY_EXECUTOR_H_

#include "absl/functional/any_invocable.h"

namespace parley {

// Runs tasks on threads of the application's choice, for example an event loop's.
//
// Blocks:   Post must not wait for the task. It may run it before it returns, if no task ever blocks,
//           in a parley call or elsewhere: no other event of that client or server is handled
//           meanwhile, not even the one that a blocked task waits for.
// Threads:  Post is called from any thread, never under a lock of parley's.
//           A task may be more than one callback: it runs what a message has brought, and under load
//           it reads the next ones and runs what they bring, for up to half a millisecond.
// Lifetime: kept by whoever was given it until its last task has run.
// Errors:   a task never throws; every task must be run or destroyed.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual void Post(absl::AnyInvocable<void()> task) = 0;
};

}  // namespace parley

#endif  // PARLEY_EXECUTOR_H_
