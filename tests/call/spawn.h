// Starts a coroutine from code that is none.
#ifndef PARLEY_TESTS_CALL_SPAWN_H_
#define PARLEY_TESTS_CALL_SPAWN_H_

#include <coroutine>
#include <exception>
#include <utility>

#include "parley/task.h"

namespace parley::call_test {

struct Spawned {
  struct promise_type {
    Spawned get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

// Runs `task` until it first suspends; it goes on wherever it is resumed, and frees itself.
inline Spawned Spawn(Task<void> task) { co_await std::move(task); }

}  // namespace parley::call_test

#endif  // PARLEY_TESTS_CALL_SPAWN_H_
