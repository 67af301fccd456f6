// What all calls of one client or server share: threads, timers, log and executor. Its calls own it
// together with the client or server, so that it outlives them all.
#ifndef PARLEY_SRC_EXCHANGE_RUNTIME_H_
#define PARLEY_SRC_EXCHANGE_RUNTIME_H_

#include <memory>
#include <thread>
#include <utility>

#include "parley/executor.h"
#include "src/exchange/control.h"
#include "src/exchange/logger.h"
#include "src/exchange/loop.h"

namespace parley::detail {

class Runtime {
 public:
  // `source` may be null. The last owner may let go on any thread, the runtime's own included.
  static std::shared_ptr<Runtime> Make(std::unique_ptr<EventSource> source, Loop::Limits limits,
                                       std::shared_ptr<Executor> executor, Log log) {
    return {new Runtime(std::move(source), limits, std::move(executor), std::move(log)), &Retire};
  }

  // Runs a callback, a resumption or a handler where the application wants it.
  void Post(absl::AnyInvocable<void()>&& task, TaskHistory* history = nullptr) {
    loop.Post(std::move(task), history);
  }

  // What uses another is behind it, so that it is destroyed before.
  Logger log;
  Control control;

 private:
  const std::unique_ptr<EventSource> source_;

 public:
  Loop loop;

 private:
  Runtime(std::unique_ptr<EventSource> source, Loop::Limits limits,
          std::shared_ptr<Executor> executor, Log log)
      : log(std::move(log)),
        source_(std::move(source)),
        loop(source_.get(), limits,
             executor == nullptr ? nullptr : std::make_shared<ExecutorQueue>(std::move(executor))) {
  }

  // A thread can't join itself: what lets go on one of the runtime's own threads leaves the rest to
  // another.
  static void Retire(Runtime* runtime) {
    if (runtime->loop.OnPoolThread() || runtime->control.OnThread()) {
      std::thread([runtime] { delete runtime; }).detach();
    } else {
      delete runtime;
    }
  }
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_RUNTIME_H_
