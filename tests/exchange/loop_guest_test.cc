// An executor's thread that has run what an event has brought leads the loop for a while.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "src/exchange/loop.h"
#include "tests/call/gate.h"
#include "tests/call/thread_executor.h"
#include "tests/exchange/fake_source.h"

namespace parley::detail {
namespace {

using call_test::Counter;
using call_test::Gate;
using call_test::ThreadExecutor;

// A loop does not lend its lead each time, and a thread of the executor's may come too late.
constexpr int kTries = 2000;

// Longer than a guest's tasks may take together before it leaves the rest to others.
void ComputeForLong() {
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(250);
  while (std::chrono::steady_clock::now() < end) {
  }
}

class LoopGuest : public testing::Test {
 protected:
  // With a loop of its own, since a test stops it.
  void Start(std::shared_ptr<Executor> executor) {
    source_ = std::make_unique<FakeSource>();
    queue_ = std::make_shared<ExecutorQueue>(std::move(executor));
    loop_ = std::make_unique<Loop>(source_.get(), Loop::Limits{2, 4}, queue_);
    loop_->AddInterest();
  }
  void TearDown() override {
    loop_->RemoveInterest();
    loop_.reset();
  }
  // An event that posts a task, as a response with a callback does.
  void Response(absl::AnyInvocable<void()> task, TaskHistory* history = nullptr) {
    source_->StartAndDeliver([&loop = *loop_, task = std::move(task), history]() mutable {
      loop.Post(std::move(task), history);
    });
  }
  // One response after the other; the last opens the gate.
  void Chain(int left, std::shared_ptr<Gate> ended) {
    Response([this, left, ended = std::move(ended)] {
      if (left == 0) return ended->Open();
      Chain(left - 1, ended);
    });
  }
  // Runs `task` on a guest, where it can, and there once. Returns whether it could.
  bool RunOnGuest(const std::function<void()>& task) {
    for (int i = 0; i < kTries; ++i) {
      Counter ran;
      std::atomic<bool> done = false;
      for (int j = 0; j < 3; ++j) {
        Response([&] {
          if (IsGuest() && !done.exchange(true)) task();
          ran.Add();
        });
      }
      EXPECT_TRUE(ran.Reaches(3));
      if (done) return true;
    }
    return false;
  }
  bool IsGuest() const { return loop_->PollsNext() && !queue_->RunsHere(); }

  std::unique_ptr<FakeSource> source_;
  std::shared_ptr<ExecutorQueue> queue_;
  std::unique_ptr<Loop> loop_;
};

TEST_F(LoopGuest, IsAThreadOfTheExecutors) {
  const auto executor = std::make_shared<ThreadExecutor>();
  Start(executor);
  std::atomic<bool> elsewhere = false;
  const auto look = [&] {
    elsewhere = elsewhere || std::this_thread::get_id() != executor->thread();
  };
  ASSERT_TRUE(RunOnGuest(look));
  // A guest that comes late finds the tasks that the poller left it, and no event.
  const auto has_polled = [&] { return source_->pollers().contains(executor->thread()); };
  for (int i = 0; i < kTries && !has_polled(); ++i) ASSERT_TRUE(RunOnGuest(look));
  for (int i = 0; i < 100; ++i) {
    Gate ran;
    Response([&] {
      look();
      ran.Open();
    });
    ASSERT_TRUE(ran.Opens());
  }
  EXPECT_FALSE(elsewhere);
  EXPECT_TRUE(has_polled());
}

TEST_F(LoopGuest, RunsWhatItsTasksPost) {
  Start(std::make_shared<ThreadExecutor>());
  Gate done;
  int in_a_row = 0;
  std::function<void(int)> post = [&](int left) {
    in_a_row += IsGuest() ? 1 : 0;
    if (left == 0) return done.Open();
    loop_->Post([&, left] { post(left - 1); });
  };
  EXPECT_TRUE(RunOnGuest([&] { post(100); }));
  EXPECT_TRUE(done.Opens());
  EXPECT_GT(in_a_row, 1);
}

TEST_F(LoopGuest, LeavesTheThreadToTheApplicationsTasks) {
  const auto executor = std::make_shared<ThreadExecutor>();
  Start(executor);
  std::atomic<bool> had_turn = false;
  Gate ended;
  // Events and tasks for ever, so that there is always something for the guest.
  std::function<void()> again = [&] {
    if (had_turn) return ended.Open();
    Response([&] { again(); });
  };
  EXPECT_TRUE(RunOnGuest([&] {
    again();
    executor->Post([&] { had_turn = true; });
  }));
  EXPECT_TRUE(ended.Opens());
}

TEST_F(LoopGuest, LeavesTheThreadToTheApplicationsTasksAlsoWhereEventsBringNone) {
  const auto executor = std::make_shared<ThreadExecutor>();
  Start(executor);
  std::atomic<bool> had_turn = false;
  Gate ended;
  std::function<void()> again = [&] {
    if (had_turn) return ended.Open();
    source_->StartAndDeliver([&] { again(); });
  };
  EXPECT_TRUE(RunOnGuest([&] {
    again();
    executor->Post([&] { had_turn = true; });
  }));
  EXPECT_TRUE(ended.Opens());
}

TEST_F(LoopGuest, ThatBlocksLosesTheLead) {
  Start(std::make_shared<ThreadExecutor>(2));
  EXPECT_TRUE(RunOnGuest([&] {
    Gate handled;
    source_->StartAndDeliver([&] { handled.Open(); });
    EXPECT_TRUE(handled.Opens());
    Gate ran;
    Response([&] { ran.Open(); });
    EXPECT_TRUE(ran.Opens()) << "on the other thread";
  }));
}

TEST_F(LoopGuest, ThatWaitsPollsForItself) {
  Start(std::make_shared<ThreadExecutor>());
  EXPECT_TRUE(RunOnGuest([&] {
    Loop::Sleeper sleeper(*loop_);
    source_->StartAndDeliver([&] { sleeper.Fire(); });
    loop_->Wait(sleeper);
  }));
}

TEST_F(LoopGuest, IsNotWaitedForByWhatATaskHasSaidThatBlocks) {
  Start(std::make_shared<ThreadExecutor>());
  Gate done;
  loop_->Post([&] {
    Loop::Sleeper sleeper(*loop_);
    source_->OnSettle([&] {
      sleeper.Fire();
      return false;
    });
    loop_->Wait(sleeper);
    done.Open();
  });
  EXPECT_TRUE(done.Opens());
}

// A task of its own runs at once, as with asio::dispatch.
class Dispatching final : public Executor {
 public:
  void Post(absl::AnyInvocable<void()> task) override {
    threads_.Runs(std::this_thread::get_id()) ? task() : threads_.Post(std::move(task));
  }

 private:
  ThreadExecutor threads_{2};
};

TEST_F(LoopGuest, WhoseExecutorRunsTasksInPlaceRunsWhatTheyPost) {
  Start(std::make_shared<Dispatching>());
  bool on_guest = false;
  for (int i = 0; i < kTries && !on_guest; ++i) {
    Counter ran;
    source_->StartAndDeliver([&] {
      loop_->Post([&] {
        on_guest = IsGuest();
        ComputeForLong();
        ran.Add();
      });
      // Left to the executor, which runs it where the guest leaves it.
      loop_->Post([&] {
        loop_->Post([&] { ran.Add(); });
        ran.Add();
      });
    });
    ASSERT_TRUE(ran.Reaches(3));
  }
  EXPECT_TRUE(on_guest);
}

TEST_F(LoopGuest, WithLongTasksLeavesOthersToTheOtherThreads) {
  Start(std::make_shared<ThreadExecutor>(2));
  bool on_guest = false;
  for (int i = 0; i < kTries && !on_guest; ++i) {
    Counter ran;
    bool first_on_guest = false, second_on_guest = false;
    for (int j = 0; j < 2; ++j) Response([&] { ran.Add(); });
    source_->StartAndDeliver([&] {
      loop_->Post([&] {
        first_on_guest = IsGuest();
        ComputeForLong();
        ran.Add();
      });
      loop_->Post([&] {
        second_on_guest = IsGuest();
        ran.Add();
      });
    });
    ASSERT_TRUE(ran.Reaches(4));
    on_guest = first_on_guest;
    EXPECT_FALSE(on_guest && second_on_guest);
  }
  EXPECT_TRUE(on_guest);
}

TEST_F(LoopGuest, SlowTasksAreNotItsUntilTheyAreQuickAgain) {
  const auto history = std::make_shared<TaskHistory>();
  history->slow = 3;
  const auto executor = std::make_shared<ThreadExecutor>();
  Start(executor);
  for (int i = 0; i < kTries && history->slow > 0; ++i) {
    Gate ran;
    Response(
        [&] {
          EXPECT_FALSE(IsGuest());
          ran.Open();
        },
        history.get());
    ASSERT_TRUE(ran.Opens());
    // The executor's one thread gets there when the task's time has been noted.
    Gate noted;
    executor->Post([&] { noted.Open(); });
    ASSERT_TRUE(noted.Opens());
  }
  EXPECT_EQ(history->slow, 0);
}

// Keeps its tasks until the test destroys or runs them.
struct Idle : Executor {
  void Post(absl::AnyInvocable<void()> task) override {
    const std::lock_guard lock(mutex);
    tasks.push_back(std::move(task));
  }
  std::deque<absl::AnyInvocable<void()>> Take() {
    const std::lock_guard lock(mutex);
    return std::exchange(tasks, {});
  }
  std::mutex mutex;
  std::deque<absl::AnyInvocable<void()>> tasks;
};

TEST_F(LoopGuest, IsNotWaitedForWhereTheExecutorHasNoThread) {
  const auto executor = std::make_shared<Idle>();
  Start(executor);
  std::atomic<int> ran = 0;
  for (int i = 0; i < 10; ++i) {
    Response([&] { ++ran; });
    Gate handled;
    source_->StartAndDeliver([&] { handled.Open(); });
    ASSERT_TRUE(handled.Opens());
  }
  EXPECT_EQ(ran, 0);
  for (auto& task : executor->Take()) task();
  EXPECT_EQ(ran, 10);
}

TEST_F(LoopGuest, ThatComesWhenTheLoopIsGoneDoesNothing) {
  const auto executor = std::make_shared<Idle>();
  for (int i = 0; i < 50; ++i) {
    Start(executor);
    Response([] {});
    TearDown();
    for (auto& task : executor->Take()) task();
  }
  Start(executor);
}

TEST_F(LoopGuest, IsWaitedForWhenTheLoopStops) {
  const auto executor = std::make_shared<ThreadExecutor>(2);
  for (int i = 0; i < 200; ++i) {
    Start(executor);
    const auto ended = std::make_shared<Gate>();
    Chain(i % 20, ended);
    ASSERT_TRUE(ended->Opens());
    TearDown();
  }
  Start(executor);
}

struct InPlace : Executor {
  void Post(absl::AnyInvocable<void()> task) override { task(); }
};

TEST_F(LoopGuest, IsNoneWhereTheExecutorRunsTasksInPlace) {
  Start(std::make_shared<InPlace>());
  for (int i = 0; i < 200; ++i) {
    Gate ran;
    Response([&] {
      EXPECT_FALSE(IsGuest());
      ran.Open();
    });
    ASSERT_TRUE(ran.Opens());
  }
}

}  // namespace
}  // namespace parley::detail
