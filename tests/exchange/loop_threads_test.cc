// How many threads a loop has.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "src/exchange/loop.h"
#include "tests/call/gate.h"
#include "tests/exchange/fake_source.h"

namespace parley::detail {
namespace {

using call_test::Counter;
using call_test::Gate;

// Runs tasks that all stay until the test lets them go, and counts them.
class Crowd {
 public:
  void Enter() {
    std::unique_lock lock(mutex_);
    most_ = std::max(most_, ++inside_);
    threads_.insert(std::this_thread::get_id());
    changed_.notify_all();
    EXPECT_TRUE(changed_.wait_for(lock, call_test::kPatience, [&] { return let_go_ > 0; }));
    --let_go_;
    --inside_;
  }
  void LetGo() {
    const std::lock_guard lock(mutex_);
    ++let_go_;
    changed_.notify_all();
  }
  testing::AssertionResult Reaches(int inside) {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, call_test::kPatience, [&] { return inside_ >= inside; })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << inside_ << " tasks run at once, not " << inside;
  }
  int most() {
    const std::lock_guard lock(mutex_);
    return most_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int inside_ = 0;
  int most_ = 0;
  int let_go_ = 0;
  std::set<std::thread::id> threads_;
};

class LoopLimits : public testing::TestWithParam<bool> {
 protected:
  // With a source there are a leader and a monitor too.
  explicit LoopLimits() {
    if (GetParam()) source_ = std::make_unique<FakeSource>();
  }
  std::unique_ptr<FakeSource> source_;
};

INSTANTIATE_TEST_SUITE_P(, LoopLimits, testing::Bool(), [](const auto& info) {
  return info.param ? "WithASource" : "WithoutASource";
});

TEST_P(LoopLimits, AsManyTasksRunAtOnceAsMayAndNoMore) {
  Crowd crowd;
  Loop loop(source_.get(), {3, 8});
  loop.AddInterest();
  for (int i = 0; i < 12; ++i) loop.Post([&] { crowd.Enter(); });
  for (int i = 0; i < 12; ++i) {
    EXPECT_TRUE(crowd.Reaches(std::min(3, 12 - i)));
    crowd.LetGo();
  }
  loop.RemoveInterest();
  loop.Stop();
  EXPECT_EQ(crowd.most(), 3);
}

TEST_P(LoopLimits, ATaskThatWaitsMakesRoomForAnother) {
  Gate done;
  Loop loop(source_.get(), {1, 4});
  loop.AddInterest();
  loop.Post([&] {
    Loop::Sleeper sleeper(loop);
    loop.Post([&] { sleeper.Fire(); });
    loop.Wait(sleeper);
    done.Open();
  });
  EXPECT_TRUE(done.Opens());
  loop.RemoveInterest();
}

TEST_P(LoopLimits, ATaskThatWaitsOnAnotherLoopMakesRoomForAnother) {
  Loop other(nullptr, {1, 1});
  Loop loop(source_.get(), {1, 4});
  loop.AddInterest();
  for (int i = 0; i < 50; ++i) {
    Gate done;
    loop.Post([&] {
      Loop::Sleeper sleeper(other);
      loop.Post([&] { sleeper.Fire(); });
      // Time for the thread that Post woke to see that it may not run yet, most times.
      std::this_thread::sleep_for(std::chrono::microseconds(300));
      other.Wait(sleeper);
      EXPECT_TRUE(loop.OnPoolThread());
      done.Open();
    });
    ASSERT_TRUE(done.Opens()) << i;
  }
  loop.RemoveInterest();
}

// Each level waits for the next, as calls do that a handler makes.
TEST_P(LoopLimits, TasksThatWaitForEachOtherGoOnUpToTheLimit) {
  Gate done;
  Loop loop(source_.get(), {1, 16});
  loop.AddInterest();
  absl::AnyInvocable<void(int)> nest;
  nest = [&](int depth) {
    if (depth == 15) return done.Open();  // with those that wait that makes sixteen
    Loop::Sleeper sleeper(loop);
    loop.Post([&] {
      nest(depth + 1);
      sleeper.Fire();
    });
    loop.Wait(sleeper);
  };
  loop.Post([&] { nest(0); });
  EXPECT_TRUE(done.Opens());
  loop.RemoveInterest();
}

TEST_P(LoopLimits, ThreadsAreNoMoreThanTheLimitAllows) {
  std::mutex mutex;
  std::set<std::thread::id> threads;
  Counter waiting;
  std::vector<Loop::Sleeper*> sleepers;
  Counter done;
  Loop loop(source_.get(), {2, 5});
  loop.AddInterest();
  for (int i = 0; i < 30; ++i) {
    loop.Post([&] {
      Loop::Sleeper sleeper(loop);
      {
        const std::lock_guard lock(mutex);
        threads.insert(std::this_thread::get_id());
        sleepers.push_back(&sleeper);
      }
      waiting.Add();
      loop.Wait(sleeper);
      done.Add();
    });
  }
  ASSERT_TRUE(waiting.Reaches(5)) << "as many may wait inside tasks as the limit says";
  for (int fired = 0; fired < 30; ++fired) {
    ASSERT_TRUE(waiting.Reaches(fired + 1));
    Loop::Sleeper* next;
    {
      const std::lock_guard lock(mutex);
      next = sleepers[static_cast<std::size_t>(fired)];
    }
    next->Fire();
  }
  EXPECT_TRUE(done.Reaches(30));
  // The leader and the monitor come on top, and may run tasks themselves.
  EXPECT_LE(threads.size(), 7u);
  loop.RemoveInterest();
}

// Handlers that call other servers wait in other loops; however many do, somebody polls here.
TEST(LoopLimitsOfBlocked, SomebodyPollsWhenAllOthersAreBlockedElsewhere) {
  Counter waiting;
  std::mutex mutex;
  std::vector<Loop::Sleeper*> sleepers;
  FakeSource source;
  Loop other(nullptr, {1, 1});
  Loop loop(&source, {1, 1});
  loop.AddInterest();
  const auto request = [&] {
    source.StartAndDeliver([&] {
      loop.Post([&] {
        Loop::Sleeper sleeper(other);
        {
          const std::lock_guard lock(mutex);
          sleepers.push_back(&sleeper);
        }
        waiting.Add();
        other.Wait(sleeper);
      });
    });
  };
  for (int i = 0; i < 6; ++i) request();
  ASSERT_TRUE(waiting.Reaches(1));
  Gate handled;
  source.StartAndDeliver([&] { handled.Open(); });
  EXPECT_TRUE(handled.Opens());
  for (int fired = 0; fired < 6; ++fired) {
    ASSERT_TRUE(waiting.Reaches(fired + 1));
    const std::lock_guard lock(mutex);
    sleepers[static_cast<std::size_t>(fired)]->Fire();
  }
  loop.RemoveInterest();
}

}  // namespace
}  // namespace parley::detail
