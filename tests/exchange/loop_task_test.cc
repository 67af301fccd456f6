// What the leader of a loop has before it, and what whoever takes the lead takes from it.
#include "src/exchange/loop_task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace parley::detail {
namespace {

using testing::ElementsAre;

class Tasks : public testing::Test {
 protected:
  LoopTask Adds(int number) {
    return {[this, number] { ran_.push_back(number); }, nullptr};
  }
  void RunAll(Fifo<LoopTask>& tasks) {
    while (!tasks.empty()) tasks.Pop().run();
  }

  std::vector<int> ran_;
};

TEST_F(Tasks, OfABatchComeInOrder) {
  Fifo<LoopTask> quick;
  for (int i = 1; i <= 3; ++i) quick.Push(Adds(i));
  TaskBatch batch;
  batch.Fill(quick);
  EXPECT_TRUE(quick.empty());
  while (LoopTask* const task = batch.Next()) task->run();
  EXPECT_THAT(ran_, ElementsAre(1, 2, 3));
  batch.Clear();
  EXPECT_EQ(batch.Next(), nullptr);
}

TEST_F(Tasks, ThatHaveNotBegunAreTakenAndComeFirst) {
  Fifo<LoopTask> quick;
  for (int i = 1; i <= 3; ++i) quick.Push(Adds(i));
  TaskBatch batch;
  batch.Fill(quick);
  batch.Next()->run();
  quick.Push(Adds(4));
  batch.TakeRest(quick);
  EXPECT_EQ(batch.Next(), nullptr);
  RunAll(quick);
  EXPECT_THAT(ran_, ElementsAre(1, 2, 3, 4));
  batch.TakeRest(quick);
  EXPECT_TRUE(quick.empty()) << "each is taken once";
}

TEST_F(Tasks, AreEitherRunOrTaken) {
  constexpr std::size_t kTasks = 64;
  for (int round = 0; round < 2000; ++round) {
    std::atomic<int> ran = 0;
    Fifo<LoopTask> quick;
    for (std::size_t i = 0; i < kTasks; ++i) quick.Push({[&] { ++ran; }, nullptr});
    TaskBatch batch;
    batch.Fill(quick);
    Fifo<LoopTask> taken;
    std::thread monitor([&] { batch.TakeRest(taken); });
    while (LoopTask* const task = batch.Next()) task->run();
    monitor.join();
    ASSERT_EQ(static_cast<std::size_t>(ran) + taken.size(), kTasks);
    RunAll(taken);
    ASSERT_EQ(static_cast<std::size_t>(ran), kTasks);
  }
}

TEST_F(Tasks, ThatAreNextMayPostTheNextOnesWhileTheyRun) {
  NextTask next;
  next.Put(
      [&] {
        ran_.push_back(1);
        EXPECT_TRUE(next.IsFree());
        next.Put([&] { ran_.push_back(2); }, nullptr);
        EXPECT_FALSE(next.IsFree());
      },
      nullptr);
  while (LoopTask* const task = next.Claim()) {
    task->run();
    task->run = nullptr;
  }
  EXPECT_THAT(ran_, ElementsAre(1, 2));
}

TEST_F(Tasks, ThatAreNextRunOnceWhoeverTakesThem) {
  TaskHistory history;
  for (int round = 0; round < 2000; ++round) {
    std::atomic<int> ran = 0;
    NextTask next;
    next.Put([&] { ++ran; }, &history);
    std::thread monitor([&] {
      if (std::optional<LoopTask> task = next.Take()) {
        EXPECT_EQ(task->history, &history);
        task->run();
      }
    });
    if (LoopTask* const task = next.Claim()) task->run();
    monitor.join();
    ASSERT_EQ(ran, 1);
  }
}

}  // namespace
}  // namespace parley::detail
