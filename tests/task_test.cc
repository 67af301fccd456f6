// The coroutine type: values, exceptions, lifetimes, and stacks that stay flat.
#include "parley/task.h"

#include <gtest/gtest.h>

#include <coroutine>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace parley {
namespace {

static_assert(!std::is_copy_constructible_v<Task<int>>);
static_assert(std::is_nothrow_move_constructible_v<Task<int>>);

// Compilers keep the stack flat, by tail calls, only where they optimise and no sanitizer looks on.
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
constexpr int kMany = 1'000'000;
#else
constexpr int kMany = 1'000;
#endif

// Starts a task and keeps what it came to.
struct Started {
  struct promise_type {
    Started get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};
template <class T>
struct Outcome {
  std::optional<T> value;
  std::string thrown;
  bool ended = false;
};
template <class T>
Started Start(Task<T> task, Outcome<T>& outcome) {
  try {
    outcome.value.emplace(co_await std::move(task));
  } catch (const std::exception& exception) {
    outcome.thrown = exception.what();
  }
  outcome.ended = true;
}
template <class T>
Outcome<T> Await(Task<T> task) {
  Outcome<T> outcome;
  Start(std::move(task), outcome);
  EXPECT_TRUE(outcome.ended);
  return outcome;
}

// Suspends whoever awaits Opening() until the test resumes it. (gcc 12 copies an awaiter that is a
// lambda's capture, so what is awaited is a temporary.)
struct Door {
  struct Awaiter {
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> handle) { door->waiting = handle; }
    void await_resume() const {}
    Door* door;
  };
  Awaiter Opening() { return {this}; }
  std::coroutine_handle<> waiting;
};

Task<int> Return(int value) { co_return value; }
Task<int> Throw() {
  throw std::runtime_error("thrown");
  co_return 0;
}

TEST(Task, GivesItsValueToTheAwaiter) {
  EXPECT_EQ(Await(Return(7)).value, 7);
  const auto add = [](int a, int b) -> Task<int> {
    co_return co_await Return(a) + co_await Return(b);
  };
  EXPECT_EQ(Await(add(1, 2)).value, 3);
}

TEST(Task, GivesValuesThatCanOnlyBeMoved) {
  const auto make = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(5); };
  const auto pass = [&]() -> Task<std::unique_ptr<int>> { co_return co_await make(); };
  const Outcome<std::unique_ptr<int>> outcome = Await(pass());
  ASSERT_TRUE(outcome.value.has_value());
  EXPECT_EQ(**outcome.value, 5);
}

TEST(Task, MayHaveNoValue) {
  int steps = 0;
  const auto step = [&]() -> Task<void> {
    ++steps;
    co_return;
  };
  const auto fail = []() -> Task<void> {
    throw std::runtime_error("no value");
    co_return;
  };
  const auto run = [&]() -> Task<int> {
    co_await step();
    co_await step();
    try {
      co_await fail();
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "no value");
      ++steps;
    }
    co_return steps;
  };
  EXPECT_EQ(Await(run()).value, 3);
}

TEST(Task, IsLazy) {
  bool began = false;
  const auto make = [&]() -> Task<int> {
    began = true;
    co_return 1;
  };
  Task<int> task = make();
  EXPECT_FALSE(began);
  EXPECT_EQ(Await(std::move(task)).value, 1);
  EXPECT_TRUE(began);
}

TEST(Task, ThatIsNeverAwaitedFreesItsArguments) {
  const auto argument = std::make_shared<int>(1);
  {
    const auto make = [](std::shared_ptr<int> held) -> Task<int> { co_return *held; };
    const Task<int> task = make(argument);
    EXPECT_EQ(argument.use_count(), 2);
  }
  EXPECT_EQ(argument.use_count(), 1);
}

TEST(Task, ThrowsToItsAwaiterWhatItsCoroutineThrows) {
  EXPECT_EQ(Await(Throw()).thrown, "thrown");
  const auto pass = []() -> Task<int> { co_return co_await Throw() + 1; };
  EXPECT_EQ(Await(pass()).thrown, "thrown");
  const auto recover = []() -> Task<int> {
    try {
      co_return co_await Throw();
    } catch (const std::runtime_error&) {
      co_return -1;
    }
  };
  EXPECT_EQ(Await(recover()).value, -1);
}

TEST(Task, ResumesItsAwaiterWhereItGoesOn) {
  Door door;
  std::thread::id resumed_on;
  const auto inner = [&]() -> Task<int> {
    co_await door.Opening();
    co_return 1;
  };
  const auto outer = [&]() -> Task<int> {
    const int value = co_await inner();
    resumed_on = std::this_thread::get_id();
    co_return value;
  };
  Outcome<int> outcome;
  Start(outer(), outcome);
  EXPECT_FALSE(outcome.ended);
  std::thread other([&] { door.waiting.resume(); });
  const std::thread::id id = other.get_id();
  other.join();
  EXPECT_EQ(outcome.value, 1);
  EXPECT_EQ(resumed_on, id);
}

TEST(Task, KeepsArgumentsByValueUntilItEnds) {
  Door door;
  const auto make = [&door](std::string text) -> Task<std::string> {
    co_await door.Opening();
    co_return text;
  };
  Outcome<std::string> outcome;
  {
    std::string text(100, 'x');
    Start(make(text), outcome);
    text = "changed";
  }
  door.waiting.resume();
  EXPECT_EQ(outcome.value, std::string(100, 'x'));
}

TEST(Task, MayBeMovedBeforeItIsAwaited) {
  Task<int> first = Return(1);
  Task<int> second = std::move(first);
  second = Return(2);
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 10; ++i) tasks.push_back(Return(i));
  EXPECT_EQ(Await(std::move(second)).value, 2);
  EXPECT_EQ(Await(std::move(tasks[7])).value, 7);
}

TEST(Task, AMillionAwaitsOneAfterTheOtherNeedNoStack) {
  const auto sum = []() -> Task<long> {
    long total = 0;
    for (int i = 0; i < kMany; ++i) total += co_await Return(1);
    co_return total;
  };
  EXPECT_EQ(Await(sum()).value, kMany);
}

Task<int> Nest(int depth) {
  if (depth == 0) co_return 0;
  co_return co_await Nest(depth - 1) + 1;
}

TEST(Task, AMillionAwaitsInsideEachOtherNeedNoStack) { EXPECT_EQ(Await(Nest(kMany)).value, kMany); }

Task<int> NestAndThrow(int depth) {
  if (depth == 0) throw std::runtime_error("from the bottom");
  co_return co_await NestAndThrow(depth - 1) + 1;
}

TEST(Task, AnExceptionClimbsOutOfManyTasks) {
  EXPECT_EQ(Await(NestAndThrow(kMany / 100)).thrown, "from the bottom");
}

}  // namespace
}  // namespace parley
