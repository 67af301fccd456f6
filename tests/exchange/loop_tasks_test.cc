// Where tasks run, and what a task that blocks does to others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "src/exchange/loop.h"
#include "tests/call/gate.h"
#include "tests/exchange/fake_source.h"
#include "tests/exchange/waiting_thread.h"

namespace parley::detail {
namespace {

using call_test::Counter;
using call_test::Gate;

// Where it does not happen, tasks and events would come to what they refer to when it is gone.
void Await(Gate& gate) {
  if (const testing::AssertionResult opens = gate.Opens(); !opens) {
    ADD_FAILURE() << opens.message();
    std::_Exit(1);
  }
}

// Gates of tasks come before the loop, which runs them to their end.
class LoopTasks : public testing::Test {
 protected:
  // An event that posts a task, as a request does.
  void Request(absl::AnyInvocable<void()> task, TaskHistory* history = nullptr) {
    source_.StartAndDeliver([this, task = std::move(task), history]() mutable {
      loop_.Post(std::move(task), history);
    });
  }
  void AwaitEvents() {
    Gate handled;
    source_.StartAndDeliver([&] { handled.Open(); });
    Await(handled);
  }

  const std::shared_ptr<TaskHistory> history_ = std::make_shared<TaskHistory>();
  Gate go_;
  FakeSource source_;
  Loop loop_{&source_, {4, 8}};
};

using LoopMonitor = LoopTasks;

TEST_F(LoopTasks, RunOnPoolThreads) {
  Gate ran;
  loop_.Post([&] {
    EXPECT_TRUE(loop_.OnPoolThread());
    ran.Open();
  });
  Await(ran);
  EXPECT_FALSE(loop_.OnPoolThread());
}

TEST_F(LoopTasks, OfAnEventRunWhereItWasHandled) {
  loop_.AddInterest();
  std::thread::id handled_by;
  std::thread::id run_by;
  Gate ran;
  source_.StartAndDeliver([&] {
    handled_by = std::this_thread::get_id();
    loop_.Post([&] {
      run_by = std::this_thread::get_id();
      ran.Open();
    });
  });
  Await(ran);
  EXPECT_EQ(run_by, handled_by);
  loop_.RemoveInterest();
}

// The leader settles between two tasks, when it is inside none that the posted one would follow.
TEST_F(LoopTasks, OfWhatWasPutOffForTooLongRun) {
  loop_.AddInterest();
  Gate ran;
  Request([&] {
    source_.OnSettle(
        [&] {
          loop_.Post([&] { ran.Open(); });
          return false;
        },
        /*overdue=*/true);
  });
  Await(ran);
  loop_.RemoveInterest();
}

TEST_F(LoopTasks, OfAnEventThatABlockedThreadTookRunInThePool) {
  WaitingThread waiting(loop_);
  ASSERT_TRUE(source_.PolledBy(waiting.id()));
  Gate ran;
  Request([&] {
    EXPECT_TRUE(loop_.OnPoolThread());
    ran.Open();
  });
  Await(ran);
  // The pool polls as long as it has tasks, and then leaves it to the thread that waits.
  EXPECT_FALSE(waiting.returned());
  source_.StartAndDeliver([] {});
  EXPECT_TRUE(source_.PolledBy(waiting.id()));
  source_.StartAndDeliver([&] { waiting.Fire(); });
  EXPECT_TRUE(waiting.Returns());
}

// One at a time, so that their order tells who came first.
class LoopTasksInTurn : public testing::Test {
 protected:
  FakeSource source_;
  Loop loop_{&source_, {1, 8}};
};

// As a rule: the monitor may take one for slow, and what it has posted away.
TEST_F(LoopTasksInTurn, WhatOneOfTheLeadersPostsRunsNext) {
  loop_.AddInterest();
  std::vector<int> ran;
  for (int round = 0; round < 1000 && ran != std::vector{1, 2, 3, 4}; ++round) {
    ran.clear();
    Gate done;
    source_.StartAndDeliver([&] {
      loop_.Post([&] {
        ran.push_back(1);
        loop_.Post([&] { ran.push_back(2); });
        loop_.Post([&] {
          ran.push_back(4);
          done.Open();
        });
      });
      loop_.Post([&] { ran.push_back(3); });
    });
    Await(done);
  }
  EXPECT_THAT(ran, testing::ElementsAre(1, 2, 3, 4));
  loop_.RemoveInterest();
}

TEST_F(LoopTasksInTurn, ThatPostOneAnotherLetOthersHaveTheirTurn) {
  loop_.AddInterest();
  Gate done;
  int ran = 0;
  int before_the_other = 0;
  std::function<void()> next = [&] { ++ran < 1000 ? loop_.Post(next) : done.Open(); };
  source_.StartAndDeliver([&] {
    loop_.Post(next);
    loop_.Post([&] { before_the_other = ran; });
  });
  Await(done);
  EXPECT_GT(before_the_other, 0);
  EXPECT_LT(before_the_other, 20);
  loop_.RemoveInterest();
}

// Even where each task posts another, so that there is always one.
TEST_F(LoopTasksInTurn, LeaveEventsTheirTurn) {
  loop_.AddInterest();
  Gate done;
  std::atomic<bool> handled = false;
  std::function<void()> next = [&] { handled ? done.Open() : loop_.Post(next); };
  source_.StartAndDeliver([&] { loop_.Post(next); });
  source_.StartAndDeliver([&] { handled = true; });
  Await(done);
  handled = true;
  loop_.RemoveInterest();
}

TEST_F(LoopMonitor, TakesAwayWhatATaskThatBlocksHasPosted) {
  loop_.AddInterest();
  Gate done;
  Request([&] {
    loop_.Post([&] { go_.Open(); });
    EXPECT_TRUE(go_.Opens());
    done.Open();
  });
  Await(done);
  loop_.RemoveInterest();
}

TEST_F(LoopTasks, ThatWaitHereLeaveWhatTheyHavePostedToOthers) {
  loop_.AddInterest();
  Gate done;
  Request([&] {
    Loop::Sleeper sleeper(loop_);
    loop_.Post([&] { sleeper.Fire(); });
    loop_.Wait(sleeper);
    done.Open();
  });
  Await(done);
  loop_.RemoveInterest();
}

TEST_F(LoopMonitor, TakesTheLeadFromATaskThatBlocks) {
  loop_.AddInterest();
  Gate begun;
  Request(
      [&] {
        begun.Open();
        EXPECT_TRUE(go_.Opens());
      },
      history_.get());
  Await(begun);
  AwaitEvents();
  {
    SCOPED_TRACE("other tasks go on");
    Gate ran;
    Request([&] { ran.Open(); });
    Await(ran);
  }
  loop_.Post([&] {});
  EXPECT_GT(history_->slow.load(), 0) << "and this kind of task is known to be slow";
  go_.Open();
  loop_.RemoveInterest();
}

TEST_F(LoopMonitor, TakesTheLeadFromATaskThatComputes) {
  loop_.AddInterest();
  Gate begun;
  Request(
      [&] {
        begun.Open();
        while (!go_.is_open()) {
        }
      },
      history_.get());
  Await(begun);
  AwaitEvents();
  EXPECT_GT(history_->slow.load(), 0);
  go_.Open();
  loop_.RemoveInterest();
}

// What is put off once more then has to be looked at by the one who leads now, who may wait already.
TEST_F(LoopMonitor, TakesTheLeadFromWhoSettlesBetweenTasks) {
  loop_.AddInterest();
  source_.StartAndDeliver([this] {
    loop_.Post([this] {
      source_.OnSettle(
          [this] {
            EXPECT_TRUE(source_.SomebodyPolls());
            return true;
          },
          /*overdue=*/true);
    });
    for (int i = 0; i < 20; ++i) loop_.Post([] {});
  });
  EXPECT_TRUE(source_.IsWoken());
  loop_.RemoveInterest();
}

TEST_F(LoopMonitor, TakesTheLeadHoweverBusyOtherThreadsAre) {
  loop_.AddInterest();
  Gate begun;
  Request([&] {
    begun.Open();
    EXPECT_TRUE(go_.Opens());
  });
  Await(begun);
  Gate handled;
  Counter ended;
  // Each task posts the next one.
  std::atomic<bool> enough = false;
  std::function<void()> task = [&] {
    if (enough) {
      ended.Add();
    } else {
      loop_.Post(task);
    }
  };
  for (int i = 0; i < 3; ++i) loop_.Post(task);
  source_.StartAndDeliver([&] { handled.Open(); });
  Await(handled);
  enough = true;
  EXPECT_TRUE(ended.Reaches(3));
  go_.Open();
  loop_.RemoveInterest();
}

TEST_F(LoopMonitor, TakesItAgainAndAgain) {
  loop_.AddInterest();
  std::vector<std::unique_ptr<Gate>> begun;
  for (int i = 0; i < 4; ++i) {
    SCOPED_TRACE(i);
    Gate& gate = *begun.emplace_back(std::make_unique<Gate>());
    Request([&] {
      gate.Open();
      EXPECT_TRUE(go_.Opens());
    });
    Await(gate);
    AwaitEvents();
  }
  go_.Open();
  loop_.RemoveInterest();
}

TEST_F(LoopMonitor, WatchesWhenTwoTasksComeFromOneEvent) {
  loop_.AddInterest();
  Counter begun;
  source_.StartAndDeliver([&] {
    for (int i = 0; i < 2; ++i) {
      loop_.Post([&] {
        begun.Add();
        EXPECT_TRUE(go_.Opens());
      });
    }
  });
  ASSERT_TRUE(begun.Reaches(2));
  AwaitEvents();
  go_.Open();
  loop_.RemoveInterest();
}

TEST_F(LoopMonitor, TasksThatATaskPostedGoOnWhileItBlocks) {
  loop_.AddInterest();
  Gate ran;
  Request([&] {
    loop_.Post([&] { ran.Open(); });
    Await(ran);
  });
  Await(ran);
  AwaitEvents();
  loop_.RemoveInterest();
}

TEST_F(LoopMonitor, SlowTasksGoToOtherThreadsUntilTheyAreQuickAgain) {
  loop_.AddInterest();
  history_->slow = 3;
  // Slow ones never run on the thread that polls.
  bool elsewhere = true;
  const auto run_one = [&] {
    std::thread::id handled_by;
    std::thread::id run_by;
    Gate ran;
    source_.StartAndDeliver([&] {
      handled_by = std::this_thread::get_id();
      loop_.Post(
          [&] {
            run_by = std::this_thread::get_id();
            ran.Open();
          },
          history_.get());
    });
    Await(ran);
    elsewhere = run_by != handled_by;
  };
  run_one();
  EXPECT_TRUE(elsewhere);
  // On a busy machine not every run of so little is quick.
  for (int i = 0; i < 10'000 && history_->slow > 0; ++i) run_one();
  ASSERT_LE(history_->slow.load(), 0);
  // From now on they do, unless the machine makes one slow.
  for (int i = 0; i < 100 && elsewhere; ++i) run_one();
  EXPECT_FALSE(elsewhere);
  loop_.RemoveInterest();
}

}  // namespace
}  // namespace parley::detail
