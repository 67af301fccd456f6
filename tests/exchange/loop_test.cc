// Who polls: threads that wait, the pool while somebody is interested, and the end.
#include "src/exchange/loop.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "tests/call/gate.h"
#include "tests/exchange/fake_source.h"
#include "tests/exchange/waiting_thread.h"

namespace parley::detail {
namespace {

using call_test::Counter;
using call_test::Gate;

constexpr Loop::Limits kLimits = {4, 8};

class LoopTest : public testing::Test {
 protected:
  // A task runs on a pool thread; returns which.
  std::thread::id RunTask() {
    std::thread::id id;
    Gate ran;
    loop_.Post([&] {
      EXPECT_TRUE(loop_.OnPoolThread());
      id = std::this_thread::get_id();
      ran.Open();
    });
    EXPECT_TRUE(ran.Opens());
    return id;
  }

  FakeSource source_;
  Loop loop_{&source_, kLimits};
};

using LoopWait = LoopTest;
using LoopInterest = LoopTest;
using LoopStrays = LoopTest;
using LoopLead = LoopTest;
using LoopStop = LoopTest;

TEST_F(LoopWait, AThreadThatWaitsPollsForItself) {
  Loop::Sleeper sleeper(loop_);
  std::thread::id handled_by;
  source_.StartAndDeliver([&] {
    handled_by = std::this_thread::get_id();
    sleeper.Fire();
  });
  loop_.Wait(sleeper);
  EXPECT_EQ(handled_by, std::this_thread::get_id());
  EXPECT_EQ(source_.pollers(), std::set{std::this_thread::get_id()}) << "no other thread is needed";
}

TEST_F(LoopWait, ReturnsAtOnceIfFiredBefore) {
  Loop::Sleeper sleeper(loop_);
  sleeper.Fire();
  loop_.Wait(sleeper);
  EXPECT_TRUE(source_.pollers().empty());
}

TEST_F(LoopWait, OneThreadPollsForAll) {
  WaitingThread leader(loop_);
  ASSERT_TRUE(source_.PolledBy(leader.id()));
  WaitingThread sleeper(loop_);
  std::atomic<std::thread::id> handled_by;
  source_.StartAndDeliver([&] {
    handled_by = std::this_thread::get_id();
    sleeper.Fire();
  });
  EXPECT_TRUE(sleeper.Returns());
  EXPECT_EQ(handled_by.load(), leader.id());
  EXPECT_TRUE(source_.PolledBy(leader.id()));
  EXPECT_FALSE(leader.returned());
}

TEST_F(LoopWait, WhoeverLeadsNowIsWokenForWhatIsPutOffOnceMore) {
  WaitingThread first(loop_);
  ASSERT_TRUE(source_.PolledBy(first.id()));
  WaitingThread second(loop_);
  // The first puts something off as it leaves, while the second waits for events already.
  source_.OnSettle([&] { return static_cast<bool>(source_.PolledBy(second.id())); });
  source_.StartAndDeliver([&] { first.Fire(); });
  EXPECT_TRUE(first.Returns());
  EXPECT_TRUE(source_.IsWoken());
}

TEST_F(LoopWait, TheLeadIsPassedOn) {
  auto first = std::make_unique<WaitingThread>(loop_);
  ASSERT_TRUE(source_.PolledBy(first->id()));
  std::array<std::unique_ptr<WaitingThread>, 3> others;
  for (auto& other : others) other = std::make_unique<WaitingThread>(loop_);
  source_.StartAndDeliver([&] { first->Fire(); });
  EXPECT_TRUE(first->Returns());
  // Whoever leads now is released, until none is left.
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(source_.SomebodyPolls());
    std::thread::id leader;
    Gate handled;
    source_.StartAndDeliver([&] {
      leader = std::this_thread::get_id();
      for (auto& other : others) {
        if (other->id() == leader) other->Fire();
      }
      handled.Open();
    });
    ASSERT_TRUE(handled.Opens());
    for (auto& other : others) {
      if (other->id() != leader) continue;
      EXPECT_TRUE(other->Returns());
    }
  }
  for (auto& other : others) EXPECT_TRUE(other->returned());
}

TEST_F(LoopWait, APollerThatAnotherThreadFiresReturns) {
  WaitingThread waiting(loop_);
  ASSERT_TRUE(source_.PolledBy(waiting.id()));
  waiting.Fire();
  EXPECT_TRUE(waiting.Returns());
}

TEST_F(LoopWait, ASleeperThatAnotherThreadFiresReturns) {
  WaitingThread leader(loop_);
  ASSERT_TRUE(source_.PolledBy(leader.id()));
  WaitingThread sleeper(loop_);
  sleeper.Fire();
  EXPECT_TRUE(sleeper.Returns());
  EXPECT_FALSE(leader.returned());
}

TEST_F(LoopInterest, APoolThreadPolls) {
  loop_.AddInterest();
  Gate handled;
  source_.StartAndDeliver([&] {
    EXPECT_TRUE(loop_.OnPoolThread());
    handled.Open();
  });
  EXPECT_TRUE(handled.Opens());
  EXPECT_FALSE(loop_.OnPoolThread());
  loop_.RemoveInterest();
}

TEST_F(LoopInterest, TakesOverWhenTheThreadThatPolledIsReleased) {
  WaitingThread waiting(loop_);
  ASSERT_TRUE(source_.PolledBy(waiting.id()));
  loop_.AddInterest();
  source_.StartAndDeliver([&] { waiting.Fire(); });
  EXPECT_TRUE(waiting.Returns());
  Gate handled;
  source_.StartAndDeliver([&] { handled.Open(); });
  EXPECT_TRUE(handled.Opens());
  loop_.RemoveInterest();
}

TEST_F(LoopInterest, IsCounted) {
  loop_.AddInterest();
  loop_.AddInterest();
  ASSERT_TRUE(source_.SomebodyPolls());
  loop_.RemoveInterest();
  // Still one: events are handled one after the other with nobody waiting.
  for (int i = 0; i < 3; ++i) {
    Gate handled;
    source_.StartAndDeliver([&] { handled.Open(); });
    ASSERT_TRUE(handled.Opens());
  }
  loop_.RemoveInterest();
  // None: after the next event whoever waits polls for itself.
  source_.StartAndDeliver([] {});
  WaitingThread waiting(loop_);
  EXPECT_TRUE(source_.PolledBy(waiting.id()));
}

TEST_F(LoopInterest, ManyComeAndGoWhileThreadsWait) {
  for (int i = 0; i < 200; ++i) {
    WaitingThread waiting(loop_);
    loop_.AddInterest();
    Gate handled;
    source_.StartAndDeliver([&] { handled.Open(); });
    source_.StartAndDeliver([&] { waiting.Fire(); });
    ASSERT_TRUE(handled.Opens()) << i;
    loop_.RemoveInterest();
    ASSERT_TRUE(waiting.Returns()) << i;
  }
}

TEST_F(LoopStrays, EventsThatNobodyWaitsForAnyMoreAreHandled) {
  source_.Start();  // its event comes late
  {
    WaitingThread waiting(loop_);
    source_.StartAndDeliver([&] { waiting.Fire(); });
    ASSERT_TRUE(waiting.Returns());
  }
  Gate handled;
  source_.Deliver([&] { handled.Open(); });
  EXPECT_TRUE(handled.Opens());
}

TEST_F(LoopStrays, EventsThatNobodyEverWaitedForAreHandled) {
  Gate handled;
  source_.Start();
  loop_.Strayed();
  source_.Deliver([&] { handled.Open(); });
  EXPECT_TRUE(handled.Opens());
}

// The monitor, which finds them, looks often, seldom or not at all, by how long nothing happened.
TEST_F(LoopStrays, AreHandledAfterARestOfAnyLength) {
  for (const int rest : {0, 1, 20, 100, 300}) {
    std::this_thread::sleep_for(std::chrono::milliseconds(rest));
    Gate handled;
    source_.Start();
    loop_.Strayed();
    source_.Deliver([&] { handled.Open(); });
    ASSERT_TRUE(handled.Opens()) << "after " << rest << " ms";
  }
}

TEST_F(LoopStrays, LeaveTheLeadToWhoeverWaits) {
  source_.Start();  // there is always something to come
  loop_.Strayed();
  ASSERT_TRUE(source_.SomebodyPolls());
  WaitingThread waiting(loop_);
  // The pool looks who waits after each event; the first may come before the thread does.
  bool passed = false;
  for (int i = 0; i < 1000 && !passed; ++i) {
    Gate handled;
    std::thread::id handled_by;
    source_.StartAndDeliver([&] {
      handled_by = std::this_thread::get_id();
      handled.Open();
    });
    ASSERT_TRUE(handled.Opens());
    passed = handled_by == waiting.id();
  }
  EXPECT_TRUE(passed);
  source_.Deliver([&] { waiting.Fire(); });
  EXPECT_TRUE(waiting.Returns());
}

// A pool thread that blocks in a task polls if nobody else does; the lead must not stay with it
// when it has nothing more to do.
TEST_F(LoopLead, AWorkerThatTookTheLeadInsideATaskGivesItBack) {
  Gate done;
  loop_.Post([&] {
    Loop::Sleeper sleeper(loop_);
    source_.StartAndDeliver([&] { sleeper.Fire(); });
    loop_.Wait(sleeper);
    done.Open();
  });
  ASSERT_TRUE(done.Opens());
  for (int i = 0; i < 3; ++i) {
    WaitingThread waiting(loop_);
    source_.StartAndDeliver([&] { waiting.Fire(); });
    ASSERT_TRUE(waiting.Returns()) << "nobody polls, time " << i;
  }
}

TEST_F(LoopLead, ALeaderWhoseTaskWaitsGoesOnPolling) {
  loop_.AddInterest();
  Gate waits;
  Gate done;
  std::atomic<Loop::Sleeper*> waiting = nullptr;
  source_.StartAndDeliver([&] {
    loop_.Post([&] {
      Loop::Sleeper sleeper(loop_);
      waiting = &sleeper;
      waits.Open();
      loop_.Wait(sleeper);
      done.Open();
    });
  });
  ASSERT_TRUE(waits.Opens());
  // Others' events are handled while the task waits, and its own.
  Gate handled;
  source_.StartAndDeliver([&] { handled.Open(); });
  EXPECT_TRUE(handled.Opens());
  source_.StartAndDeliver([&] { waiting.load()->Fire(); });
  EXPECT_TRUE(done.Opens());
  loop_.RemoveInterest();
}

TEST_F(LoopStop, RunsWhatWasPosted) {
  Gate go;
  Counter ran;
  for (int i = 0; i < 100; ++i) {
    loop_.Post([&] {
      EXPECT_TRUE(go.Opens());
      loop_.Post([&] { ran.Add(); });  // tasks post tasks until the last
      ran.Add();
    });
  }
  std::thread stopping([&] { loop_.Stop(); });
  go.Open();
  stopping.join();
  EXPECT_EQ(ran.value(), 200);
}

TEST_F(LoopStop, WaitsForTheLastEvent) {
  loop_.AddInterest();
  ASSERT_TRUE(source_.SomebodyPolls());
  Counter handled;
  for (int i = 0; i < 10; ++i) source_.Start();
  std::thread stopping([&] { loop_.Stop(); });
  for (int i = 0; i < 10; ++i) {
    source_.Deliver([&] { loop_.Post([&] { handled.Add(); }); });
  }
  stopping.join();
  EXPECT_EQ(handled.value(), 10);
  EXPECT_TRUE(source_.ended());
}

TEST_F(LoopStop, EndsASourceThatNobodyEverPolled) {
  loop_.Stop();
  EXPECT_TRUE(source_.ended());
}

TEST_F(LoopStop, MayBeRepeated) {
  RunTask();
  loop_.Stop();
  loop_.Stop();
  EXPECT_TRUE(source_.ended());
}

TEST_F(LoopStop, EndsAMonitorThatSleeps) {
  loop_.AddInterest();
  Gate handled;
  source_.StartAndDeliver([&] { loop_.Post([&] { handled.Open(); }); });
  ASSERT_TRUE(handled.Opens());
  loop_.RemoveInterest();
  loop_.Stop();
  EXPECT_TRUE(source_.ended());
}

// What is left is handled by the thread that leads, or by the pool once that thread is released.
TEST_F(LoopStop, WhileAThreadWaitsAndLeads) {
  auto waiting = std::make_unique<WaitingThread>(loop_);
  ASSERT_TRUE(source_.PolledBy(waiting->id()));
  source_.Start();
  source_.Start();
  std::thread stopping([&] { loop_.Stop(); });
  source_.Deliver([&] { waiting->Fire(); });
  EXPECT_TRUE(waiting->Returns());
  source_.Deliver([] {});
  stopping.join();
  EXPECT_TRUE(source_.ended());
}

TEST(LoopWithoutASource, RunsTasksAndLetsThreadsWait) {
  Loop loop(nullptr, kLimits);
  WaitingThread waiting(loop);
  Gate done;
  loop.Post([&] {
    Loop::Sleeper sleeper(loop);
    loop.Post([&] { sleeper.Fire(); });
    loop.Wait(sleeper);
    waiting.Fire();
    done.Open();
  });
  EXPECT_TRUE(done.Opens());
  EXPECT_TRUE(waiting.Returns());
  loop.AddInterest();
  loop.Strayed();
  loop.RemoveInterest();
}

}  // namespace
}  // namespace parley::detail
