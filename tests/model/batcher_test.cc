// Batches as they run for real: threads, gates and the clock of the machine. The rules by which they are
// made are batch_machine_test.cc's.
#include "parley/model/batcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <semaphore>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "tests/call/gate.h"
#include "tests/call/log_lines.h"

namespace parley {
namespace {

using call_test::Counter;
using call_test::Gate;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Doubles numbers. A batch that begins with 0 waits until the test lets it go on.
class BatcherTest : public testing::Test {
 protected:
  using Doubler = Batcher<int, int>;

  void Start(BatchOptions options) {
    auto batcher = Doubler::Start(
        std::move(options),
        [this](absl::Span<const int> batch) {
          began_.Add();
          {
            const std::lock_guard lock(mutex_);
            batches_.emplace_back(batch.begin(), batch.end());
          }
          if (batch[0] == 0) {
            EXPECT_TRUE(go_on_.Opens());
          }
          return Double(batch);
        },
        log_.log());
    ASSERT_TRUE(batcher.ok()) << batcher.status();
    batcher_ = *std::move(batcher);
  }
  static Doubler::Answers Double(absl::Span<const int> batch) {
    Doubler::Answers answers;
    for (const int number : batch) {
      if (number < 0) {
        answers.push_back(absl::OutOfRangeError("a negative number"));
      } else {
        answers.push_back(2 * number);
      }
    }
    return answers;
  }
  // Keeps an instance at work until go_on_ is open.
  void Occupy() {
    Submit(0);
    ASSERT_TRUE(began_.Reaches(1));
  }
  void Submit(int number, BatchTerms terms = {}) {
    batcher_->Submit(number, std::move(terms), [this, number](absl::StatusOr<int> answer) {
      {
        const std::lock_guard lock(mutex_);
        answers_.emplace_back(number, std::move(answer));
      }
      answered_.Add();
    });
  }
  std::vector<std::vector<int>> Batches() {
    const std::lock_guard lock(mutex_);
    return batches_;
  }
  // The numbers whose answers have come, in their order.
  std::vector<int> Answered() {
    const std::lock_guard lock(mutex_);
    std::vector<int> numbers;
    for (const auto& [number, answer] : answers_) numbers.push_back(number);
    return numbers;
  }
  absl::StatusOr<int> AnswerTo(int number) {
    const std::lock_guard lock(mutex_);
    for (const auto& [each, answer] : answers_) {
      if (each == number) return answer;
    }
    return absl::UnknownError("no answer");
  }

  call_test::LogLines log_;
  Gate go_on_;
  Counter began_;
  Counter answered_;
  std::mutex mutex_;
  std::vector<std::vector<int>> batches_;
  std::vector<std::pair<int, absl::StatusOr<int>>> answers_;
  std::unique_ptr<Doubler> batcher_;
};

TEST_F(BatcherTest, RunsTogetherWhatHasComeMeanwhile) {
  Start({.max_batch_size = 8});
  Occupy();
  for (const int number : {1, 2, 3}) Submit(number);
  go_on_.Open();
  ASSERT_TRUE(answered_.Reaches(4));
  EXPECT_THAT(Batches(), ElementsAre(ElementsAre(0), ElementsAre(1, 2, 3)));
  for (const int number : {0, 1, 2, 3}) EXPECT_EQ(AnswerTo(number).value_or(-1), 2 * number);
}

TEST_F(BatcherTest, BlocksACallerUntilItsAnswerIsThere) {
  Start({});
  EXPECT_EQ(batcher_->Run(21).value_or(-1), 42);
}

TEST_F(BatcherTest, WaitsForAsManyAsTheQueueDelayBrings) {
  Start({.max_batch_size = 3, .max_queue_delay = absl::Hours(1)});
  for (const int number : {1, 2, 3}) Submit(number);
  ASSERT_TRUE(answered_.Reaches(3));
  EXPECT_THAT(Batches(), ElementsAre(ElementsAre(1, 2, 3)));
}

TEST_F(BatcherTest, RunsWhatIsThereWhenTheQueueDelayIsOver) {
  Start({.max_batch_size = 3, .max_queue_delay = absl::Milliseconds(5)});
  Submit(1);
  ASSERT_TRUE(answered_.Reaches(1));
}

TEST_F(BatcherTest, GivesEachRequestItsOwnError) {
  Start({.max_batch_size = 8});
  Occupy();
  for (const int number : {1, -2, 3}) Submit(number);
  go_on_.Open();
  ASSERT_TRUE(answered_.Reaches(4));
  EXPECT_EQ(AnswerTo(1).value_or(-1), 2);
  EXPECT_EQ(AnswerTo(-2).status(), absl::OutOfRangeError("a negative number"));
  EXPECT_EQ(AnswerTo(3).value_or(-1), 6);
}

TEST_F(BatcherTest, FailsTheWholeBatchOfAHandlerThatThrowsAndGoesOn) {
  auto batcher = Batcher<int, int>::Start(
      {},
      [](absl::Span<const int> batch) -> Batcher<int, int>::Answers {
        if (batch[0] == 1) throw std::runtime_error("secret");
        if (batch[0] == 2) throw 7;
        return {batch[0]};
      },
      log_.log());
  ASSERT_TRUE(batcher.ok());
  EXPECT_EQ((*batcher)->Run(1).status(), absl::InternalError("the model failed"));
  EXPECT_EQ((*batcher)->Run(2).status(), absl::InternalError("the model failed"));
  EXPECT_EQ((*batcher)->Run(3).value_or(-1), 3);
  EXPECT_THAT(log_.lines(), ElementsAre(HasSubstr("the model threw: secret"),
                                        HasSubstr("that is not a std::exception")));
}

TEST_F(BatcherTest, FailsTheWholeBatchThatGotTooFewAnswers) {
  auto batcher = Batcher<int, int>::Start(
      {}, [](absl::Span<const int>) { return Batcher<int, int>::Answers(); });
  ASSERT_TRUE(batcher.ok());
  EXPECT_EQ((*batcher)->Run(1).status(),
            absl::InternalError("the model gave 0 answers to 1 requests"));
}

TEST_F(BatcherTest, RefusesWhatDoesNotFitAtOnce) {
  Start({.max_batch_size = 2, .max_queued_requests = 1});
  EXPECT_EQ(batcher_->Run(1, {.items = 3}).status().code(), absl::StatusCode::kInvalidArgument);
  Occupy();
  Submit(1);
  Submit(2);
  EXPECT_EQ(AnswerTo(2).status().code(), absl::StatusCode::kResourceExhausted);
  go_on_.Open();
  ASSERT_TRUE(answered_.Reaches(3));
}

TEST_F(BatcherTest, NeverRunsWhatIsStoppedWhileItWaits) {
  Start({.max_batch_size = 8});
  Occupy();
  std::stop_source stop;
  Submit(1, {.stop = stop.get_token()});
  Submit(2);
  stop.request_stop();
  EXPECT_EQ(AnswerTo(1).status().code(), absl::StatusCode::kCancelled);
  Submit(3, {.stop = stop.get_token()});
  EXPECT_EQ(AnswerTo(3).status().code(), absl::StatusCode::kCancelled) << "stopped before";
  go_on_.Open();
  ASSERT_TRUE(answered_.Reaches(4));
  EXPECT_THAT(Batches(), ElementsAre(ElementsAre(0), ElementsAre(2)));
}

TEST_F(BatcherTest, AnswersWhatIsStoppedWhileItRuns) {
  Start({});
  std::stop_source stop;
  Submit(0, {.stop = stop.get_token()});
  ASSERT_TRUE(began_.Reaches(1));
  stop.request_stop();
  EXPECT_THAT(Answered(), IsEmpty());
  go_on_.Open();
  ASSERT_TRUE(answered_.Reaches(1));
  EXPECT_EQ(AnswerTo(0).value_or(-1), 0);
}

TEST_F(BatcherTest, NeverRunsWhatHasWaitedForTooLong) {
  Start({.max_batch_size = 8});
  Occupy();
  Submit(1, {.deadline = absl::Now() + absl::Milliseconds(20)});
  ASSERT_TRUE(answered_.Reaches(1));
  EXPECT_EQ(AnswerTo(1).status().code(), absl::StatusCode::kDeadlineExceeded);
  Submit(2, {.deadline = absl::Now() - absl::Seconds(1)});
  EXPECT_EQ(AnswerTo(2).status().code(), absl::StatusCode::kDeadlineExceeded);
  go_on_.Open();
  ASSERT_TRUE(answered_.Reaches(3));
  EXPECT_THAT(Batches(), ElementsAre(ElementsAre(0)));
}

TEST_F(BatcherTest, RunsABatchOnEachInstanceAtTheSameTime) {
  Start({.instances = 2});
  Occupy();
  Submit(0);
  EXPECT_TRUE(began_.Reaches(2));
  go_on_.Open();
  EXPECT_TRUE(answered_.Reaches(2));
}

TEST_F(BatcherTest, KeepsTheOrderOfAnswersWhereThatIsAskedFor) {
  Start({.instances = 2, .preserve_ordering = true});
  Occupy();
  Submit(1);
  ASSERT_TRUE(began_.Reaches(2));
  std::stop_source stop;
  Submit(0);
  ASSERT_TRUE(began_.Reaches(3));  // so the second is done
  Submit(2, {.stop = stop.get_token()});
  stop.request_stop();
  EXPECT_THAT(Answered(), IsEmpty());
  go_on_.Open();
  ASSERT_TRUE(answered_.Reaches(4));
  EXPECT_THAT(Answered(), ElementsAre(0, 1, 0, 2));
}

TEST_F(BatcherTest, EndsWhatWaitsAndFinishesWhatRunsWhenItIsDestroyed) {
  Start({});
  Occupy();
  Submit(1);
  std::thread destroying([&] { batcher_.reset(); });
  EXPECT_TRUE(answered_.Reaches(1));
  EXPECT_EQ(AnswerTo(1).status().code(), absl::StatusCode::kUnavailable);
  go_on_.Open();
  destroying.join();
  EXPECT_EQ(AnswerTo(0).value_or(-1), 0);
}

TEST_F(BatcherTest, TakesTypesThatOnlyMove) {
  using Box = std::unique_ptr<int>;
  auto batcher = Batcher<Box, Box>::Start({}, [](absl::Span<const Box> batch) {
    Batcher<Box, Box>::Answers answers;
    for (const Box& box : batch) answers.push_back(std::make_unique<int>(*box + 1));
    return answers;
  });
  ASSERT_TRUE(batcher.ok());
  const absl::StatusOr<Box> answer = (*batcher)->Run(std::make_unique<int>(1));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(**answer, 2);
}

TEST_F(BatcherTest, IsNotMadeOfOptionsThatMakeNoSense) {
  EXPECT_EQ(Doubler::Start({.instances = 0}, Double).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// Callers that stop, time out and come back, on several threads at once.
TEST_F(BatcherTest, AnswersEachRequestOnceWhateverHappens) {
  Start({.max_batch_size = 16,
         .preferred_batch_sizes = {4, 8},
         .max_queue_delay = absl::Microseconds(50),
         .instances = 2,
         .max_queued_requests = 64,
         .preserve_ordering = true});
  constexpr int kThreads = 6;
  constexpr int kEach = 500;
  constexpr int kAtOnce = 8;  // of a thread, so that the queue is never full
  std::atomic<int> right = 0, given_up = 0, wrong = 0;
  std::deque<std::counting_semaphore<>> rooms;  // outlive the last answer
  std::vector<std::thread> callers;
  for (int thread = 0; thread < kThreads; ++thread) {
    callers.emplace_back([&, thread, &room = rooms.emplace_back(kAtOnce)] {
      std::minstd_rand random(static_cast<unsigned>(thread + 1));
      for (int i = 0; i < kEach; ++i) {
        const int number = 1 + static_cast<int>(random() % 1000);
        const bool stops = random() % 3 == 0;
        const bool expires = random() % 4 == 0;
        auto stop = std::make_shared<std::stop_source>();
        BatchTerms terms{.stop = stop->get_token()};
        if (expires) terms.deadline = absl::Now() + absl::Microseconds(random() % 300);
        room.acquire();
        batcher_->Submit(number, std::move(terms),
                         [&, number, stop, fails = stops || expires](absl::StatusOr<int> answer) {
                           const bool is_right = answer.ok() && *answer == 2 * number;
                           ++(is_right ? right : !answer.ok() && fails ? given_up : wrong);
                           room.release();
                         });
        if (stops) stop->request_stop();
      }
      for (int i = 0; i < kAtOnce; ++i) room.acquire();
    });
  }
  for (std::thread& caller : callers) caller.join();
  batcher_.reset();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(right + given_up, kThreads * kEach);
}

}  // namespace
}  // namespace parley
