// How many of the application's threads are woken for how many tasks.
#include "src/exchange/executor_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace parley::detail {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Keeps what it is given until it is told to run it.
struct ByHand : Executor {
  void Post(absl::AnyInvocable<void()> task) override { tasks.push_back(std::move(task)); }
  void RunNext() {
    absl::AnyInvocable<void()> task = std::move(tasks.front());
    tasks.pop_front();
    task();
  }
  std::deque<absl::AnyInvocable<void()>> tasks;
};

class ExecutorQueueTest : public testing::Test {
 protected:
  ExecutorQueue::Task Ran(int number) {
    return [this, number] { ran_.push_back(number); };
  }

  std::vector<int> ran_;
  const std::shared_ptr<ByHand> executor_ = std::make_shared<ByHand>();
  const std::shared_ptr<ExecutorQueue> queue_ = std::make_shared<ExecutorQueue>(executor_);
};

TEST_F(ExecutorQueueTest, TasksThatWaitRunInOrderAsOne) {
  for (int i = 0; i < 5; ++i) queue_->Post(Ran(i));
  EXPECT_EQ(executor_->tasks.size(), 1u);
  executor_->RunNext();
  EXPECT_THAT(ran_, ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(ExecutorQueueTest, ATaskThatBlocksLeavesTheOthersToAnotherThread) {
  queue_->Post([this] {
    ASSERT_EQ(executor_->tasks.size(), 1u);
    executor_->RunNext();  // as another thread does meanwhile
    ran_.push_back(0);
  });
  queue_->Post(Ran(1));
  queue_->Post(Ran(2));
  executor_->RunNext();
  EXPECT_THAT(ran_, ElementsAre(1, 2, 0));
}

TEST_F(ExecutorQueueTest, KnowsItsThreadsAndWhatIsUnfinished) {
  const auto outer = std::make_shared<ExecutorQueue>(executor_);
  EXPECT_FALSE(queue_->RunsHere());
  queue_->Post([&] {
    EXPECT_TRUE(queue_->RunsHere());
    EXPECT_EQ(queue_->unfinished(), 2u);
    EXPECT_TRUE(queue_->HasMore());
    outer->Post([&] {
      EXPECT_TRUE(outer->RunsHere());
      EXPECT_FALSE(queue_->RunsHere());
    });
    executor_->tasks.back()();
    EXPECT_TRUE(queue_->RunsHere());
  });
  queue_->Post(Ran(1));
  EXPECT_EQ(queue_->unfinished(), 2u);
  executor_->RunNext();
  EXPECT_EQ(queue_->unfinished(), 0u);
  EXPECT_FALSE(queue_->HasMore());
  EXPECT_EQ(outer->unfinished(), 0u);
  EXPECT_FALSE(queue_->RunsHere());
  queue_->Post(Ran(2));
  executor_->tasks.clear();
  EXPECT_EQ(queue_->unfinished(), 0u) << "dropped with the executor's task";
  EXPECT_FALSE(queue_->HasMore());
}

TEST_F(ExecutorQueueTest, KnowsThatATaskThatBlocksKeepsTheOthersWaiting) {
  EXPECT_FALSE(queue_->NoteBlocks());
  queue_->Post([&] {
    EXPECT_TRUE(queue_->RunsQuicklyHere());
    EXPECT_TRUE(queue_->HasMore());
    EXPECT_TRUE(queue_->NoteBlocks());
    EXPECT_FALSE(queue_->NoteBlocks()) << "it has been noted";
    EXPECT_FALSE(queue_->RunsQuicklyHere());
    EXPECT_FALSE(queue_->HasMore());
  });
  queue_->Post([&] {
    EXPECT_TRUE(queue_->RunsQuicklyHere());
    EXPECT_TRUE(queue_->HasMore());
  });
  queue_->Post(Ran(2));
  executor_->RunNext();
  EXPECT_THAT(ran_, ElementsAre(2));
}

TEST_F(ExecutorQueueTest, AThreadThatIsAskedForInVainDoesNothing) {
  queue_->Post(Ran(0));
  queue_->Post(Ran(1));
  executor_->RunNext();
  ASSERT_EQ(executor_->tasks.size(), 1u);
  executor_->RunNext();
  EXPECT_THAT(ran_, ElementsAre(0, 1));
  EXPECT_THAT(executor_->tasks, IsEmpty());
  queue_->Post(Ran(2));
  executor_->RunNext();
  EXPECT_THAT(ran_, ElementsAre(0, 1, 2));
}

TEST_F(ExecutorQueueTest, TheApplicationsOwnTasksHaveTheirTurn) {
  for (int i = 0; i < 1000; ++i) queue_->Post(Ran(i));
  executor_->RunNext();
  EXPECT_LT(ran_.size(), 1000u);
  while (!executor_->tasks.empty()) executor_->RunNext();
  EXPECT_EQ(ran_.size(), 1000u);
}

// Runs what it is given inside Post.
struct InPlace : Executor {
  void Post(absl::AnyInvocable<void()> task) override {
    deepest = std::max(deepest, ++depth);
    task();
    --depth;
  }
  int depth = 0;
  int deepest = 0;
};

TEST_F(ExecutorQueueTest, OfAnExecutorThatRunsInPlaceRunsTasksInOrderAndNotInsideEachOther) {
  const auto in_place = std::make_shared<InPlace>();
  const auto queue = std::make_shared<ExecutorQueue>(in_place);
  std::vector<ExecutorQueue::Task> tasks;
  std::vector<int> expected;
  for (int i = 0; i < 1000; ++i) {
    tasks.push_back(Ran(i));
    expected.push_back(i);
  }
  queue->Post(absl::MakeSpan(tasks));
  EXPECT_EQ(ran_, expected);
  EXPECT_LE(in_place->deepest, 2);
  EXPECT_EQ(queue->unfinished(), 0u);
  queue->Post([&] { queue->Post(Ran(1000)); });
  EXPECT_EQ(ran_.back(), 1000);
}

TEST_F(ExecutorQueueTest, TasksAreDestroyedWithTheExecutorsTask) {
  const auto held = std::make_shared<int>();
  for (int i = 0; i < 3; ++i) queue_->Post([held] {});
  executor_->tasks.clear();
  EXPECT_EQ(held.use_count(), 1);
  queue_->Post(Ran(1));
  executor_->RunNext();
  EXPECT_THAT(ran_, ElementsAre(1));
}

}  // namespace
}  // namespace parley::detail
