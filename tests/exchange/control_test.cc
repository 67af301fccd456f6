// Timers and posted actions of the control thread: in order, once, or not at all.
#include "src/exchange/control.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/call/gate.h"

namespace parley::detail {
namespace {

using call_test::Counter;
using call_test::Gate;

absl::Time After(int milliseconds) { return absl::Now() + absl::Milliseconds(milliseconds); }

// Runs a function when it is destroyed.
class AtTheEnd {
 public:
  explicit AtTheEnd(std::function<void()> run) : run_(std::move(run)) {}
  ~AtTheEnd() { run_(); }

 private:
  std::function<void()> run_;
};

TEST(Control, RunsActionsOnAThreadOfItsOwn) {
  Control control;
  EXPECT_FALSE(control.OnThread());
  Gate ran;
  control.Post([&] {
    EXPECT_TRUE(control.OnThread());
    ran.Open();
  });
  EXPECT_TRUE(ran.Opens());
  EXPECT_FALSE(control.OnThread());
}

TEST(Control, RunsTimersInTheOrderOfTheirTimes) {
  std::string order;
  Gate last;
  Control control;
  const absl::Time start = absl::Now();
  absl::Time ran[3];
  control.At(start + absl::Milliseconds(60), [&] {
    order += 'c';
    ran[2] = absl::Now();
    last.Open();
  });
  control.At(start + absl::Milliseconds(20), [&] { order += 'a', ran[0] = absl::Now(); });
  control.At(start + absl::Milliseconds(40), [&] { order += 'b', ran[1] = absl::Now(); });
  ASSERT_TRUE(last.Opens());
  EXPECT_EQ(order, "abc");
  for (int i = 0; i < 3; ++i) EXPECT_GE(ran[i], start + absl::Milliseconds(20 * (i + 1)));
}

TEST(Control, RunsEqualTimesInTheOrderOfTheirMaking) {
  std::vector<int> order;
  Gate last;
  Control control;
  const absl::Time time = After(20);
  for (int i = 0; i < 100; ++i) control.At(time, [&, i] { order.push_back(i); });
  control.At(time, [&] { last.Open(); });
  ASSERT_TRUE(last.Opens());
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(Control, WhatIsPostedGoesBeforeTimersThatAreDue) {
  std::string order;
  Gate busy;
  Gate go;
  Gate last;
  Control control;
  control.Post([&] {
    busy.Open();
    EXPECT_TRUE(go.Opens());
  });
  ASSERT_TRUE(busy.Opens());
  control.At(After(-1000), [&] {
    order += 't';
    last.Open();
  });
  control.Post([&] { order += '1'; });
  control.Post([&] { order += '2'; });
  go.Open();
  ASSERT_TRUE(last.Opens());
  EXPECT_EQ(order, "12t");
}

TEST(Control, AnEarlierTimerOvertakesTheOneThatIsWaitedFor) {
  Gate ran;
  Control control;
  for (const absl::Time late : {absl::InfiniteFuture(), absl::Now() + absl::Hours(24 * 365 * 1000),
                                absl::Now() + absl::Hours(1)}) {
    control.At(late, [] { FAIL() << "far too early"; });
  }
  Gate waits;
  control.Post([&] { waits.Open(); });
  ASSERT_TRUE(waits.Opens());
  control.At(After(30), [&] { ran.Open(); });
  control.At(After(20), [] {});
  EXPECT_TRUE(ran.Opens());
}

TEST(Control, ACancelledTimerNeverRuns) {
  Gate last;
  Control control;
  std::vector<Control::Timer> timers;
  for (int i = 0; i < 10; ++i) {
    timers.push_back(control.At(After(30), [] { FAIL() << "it was cancelled"; }));
  }
  control.At(After(30), [&] { last.Open(); });
  for (const Control::Timer& timer : timers) control.Cancel(timer);
  for (const Control::Timer& timer : timers) control.Cancel(timer);
  EXPECT_TRUE(last.Opens());
}

TEST(Control, ATimerMayBeCancelledWhileItRunsAndAfter) {
  Gate ran;
  Control control;
  std::optional<Control::Timer> timer;
  Gate made;
  timer = control.At(After(0), [&] {
    EXPECT_TRUE(made.Opens());
    control.Cancel(*timer);
    ran.Open();
  });
  made.Open();
  ASSERT_TRUE(ran.Opens());
  control.Cancel(*timer);
}

// What an action holds may be the last of its kind, and take locks of its own.
TEST(Control, DropsWhatAnActionHoldsWithoutALock) {
  Counter dropped;
  Control control;
  const auto held = [&] {
    return std::make_shared<AtTheEnd>([&] { control.Post([&] { dropped.Add(); }); });
  };
  control.Cancel(control.At(After(60'000), [object = held()] {}));
  control.Post([object = held()] {});
  EXPECT_TRUE(dropped.Reaches(2));
}

TEST(Control, ItsEndDropsWhatHasNotRun) {
  int dropped = 0;
  {
    Control control;
    Gate started;
    control.Post([&] { started.Open(); });
    ASSERT_TRUE(started.Opens());
    const auto object = std::make_shared<AtTheEnd>([&] { ++dropped; });
    control.At(After(60'000), [object] { FAIL() << "far too early"; });
    control.At(absl::InfiniteFuture(), [object] { FAIL() << "far too early"; });
  }
  EXPECT_EQ(dropped, 1);
}

TEST(Control, ActionsMayMakeAndCancelOthers) {
  Gate last;
  Control control;
  control.Post([&] {
    const Control::Timer timer = control.At(After(10), [] { FAIL() << "it was cancelled"; });
    control.At(After(20), [&] { last.Open(); });
    control.Cancel(timer);
  });
  EXPECT_TRUE(last.Opens());
}

TEST(Control, ManyThreadsMakeAndCancelTimers) {
  constexpr int kThreads = 4;
  constexpr int kTimers = 2000;
  Counter kept;
  std::atomic<int> cancelled_but_ran = 0;
  int keep = 0;
  std::mutex mutex;
  Control control;
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < kThreads; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937 random(seed);
      for (int i = 0; i < kTimers; ++i) {
        const absl::Time time = After(static_cast<int>(random() % 20));
        if (random() % 2 == 0) {
          {
            const std::lock_guard lock(mutex);
            ++keep;
          }
          control.At(time, [&] { kept.Add(); });
        } else {
          control.Cancel(control.At(time + absl::Hours(1), [&] { ++cancelled_but_ran; }));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(kept.Reaches(keep));
  EXPECT_EQ(cancelled_but_ran, 0);
  Gate last;
  control.At(After(20), [&] { last.Open(); });
  ASSERT_TRUE(last.Opens());
  EXPECT_EQ(kept.value(), keep) << "none runs twice";
}

}  // namespace
}  // namespace parley::detail
