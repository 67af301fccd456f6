// The rules of dynamic batching, one by one, at times that the tests choose. batch_simulation_test.cc
// has what must hold whatever happens.
#include "src/model/batch_machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace parley::detail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Request = BatchMachine::Request;
using Ticket = BatchMachine::Ticket;

const absl::Time kStart = absl::UnixEpoch() + absl::Hours(1);
constexpr absl::Duration kDelay = absl::Milliseconds(10);

// A machine whose requests are known by the order in which they came, from 1 on.
class Batching : public testing::Test {
 protected:
  void Begin(BatchOptions options) {
    ASSERT_EQ(BatchMachine::Check(options), absl::OkStatus());
    machine_.emplace(std::move(options));
  }
  absl::Status Add(Request request) {
    absl::StatusOr<Ticket> ticket = machine_->Add(std::move(request), now_);
    if (ticket.ok()) tickets_.push_back(*ticket);
    return ticket.status();
  }
  void AddEach(const std::vector<std::size_t>& items) {
    for (const std::size_t each : items) ASSERT_EQ(Add({.items = each}), absl::OkStatus());
  }
  static std::vector<std::uint64_t> Numbers(const BatchMachine::Tickets& tickets) {
    std::vector<std::uint64_t> numbers;
    for (const Ticket& ticket : tickets) numbers.push_back(ticket.number);
    return numbers;
  }
  std::vector<std::uint64_t> Take() { return Numbers(machine_->Take(now_)); }
  std::vector<std::uint64_t> Expire() { return Numbers(machine_->Expire(now_)); }
  std::vector<std::uint64_t> End(std::size_t number) {
    return Numbers(machine_->End(tickets_[number - 1]));
  }

  absl::Time now_ = kStart;
  std::vector<Ticket> tickets_;
  std::optional<BatchMachine> machine_;
};

TEST_F(Batching, TakesWhateverWaitsWhenAnInstanceIsFree) {
  Begin({.max_batch_size = 8});
  EXPECT_THAT(Take(), IsEmpty());
  EXPECT_EQ(machine_->NextBatch(), absl::InfiniteFuture());
  AddEach({1, 1, 1});
  EXPECT_EQ(machine_->queued_requests(), 3u);
  EXPECT_THAT(Take(), ElementsAre(1, 2, 3));
  EXPECT_EQ(machine_->queued_requests(), 0u);
  EXPECT_THAT(Take(), IsEmpty());
}

TEST_F(Batching, MakesNoBatchLargerThanTheMostAndLetsNoneOvertake) {
  Begin({.max_batch_size = 8});
  AddEach({3, 3, 3, 1, 8});
  EXPECT_THAT(Take(), ElementsAre(1, 2)) << "the fourth would fit, but the third is before it";
  EXPECT_THAT(Take(), ElementsAre(3, 4));
  EXPECT_THAT(Take(), ElementsAre(5));
}

TEST_F(Batching, WaitsForMoreAsLongAsTheQueueDelay) {
  Begin({.max_batch_size = 4, .max_queue_delay = kDelay});
  AddEach({1});
  EXPECT_THAT(Take(), IsEmpty());
  EXPECT_EQ(machine_->NextBatch(), kStart + kDelay);
  now_ += kDelay / 2;
  AddEach({1});
  EXPECT_THAT(Take(), IsEmpty());
  EXPECT_EQ(machine_->NextBatch(), kStart + kDelay) << "the oldest decides";
  now_ = kStart + kDelay;
  EXPECT_THAT(Take(), ElementsAre(1, 2));
}

TEST_F(Batching, DoesNotWaitWhenTheBatchIsFull) {
  Begin({.max_batch_size = 4, .max_queue_delay = kDelay});
  AddEach({2, 2, 2});
  EXPECT_THAT(Take(), ElementsAre(1, 2));
  EXPECT_THAT(Take(), IsEmpty());
  AddEach({3});
  EXPECT_THAT(Take(), ElementsAre(3)) << "the next one does not fit";
}

TEST_F(Batching, DoesNotWaitWhenAPreferredSizeIsThere) {
  Begin({.max_batch_size = 8, .preferred_batch_sizes = {2, 4}, .max_queue_delay = kDelay});
  AddEach({1, 1, 1, 1, 1});
  EXPECT_THAT(Take(), ElementsAre(1, 2, 3, 4)) << "the largest that they make";
  EXPECT_THAT(Take(), IsEmpty());
  AddEach({1, 1});
  EXPECT_THAT(Take(), ElementsAre(5, 6));
  now_ += kDelay;
  EXPECT_THAT(Take(), ElementsAre(7));
  AddEach({4, 3, 2});
  EXPECT_THAT(Take(), ElementsAre(8, 9)) << "a batch that is full is as good";
}

TEST_F(Batching, KeepsKindsApart) {
  Begin({.max_batch_size = 8});
  for (const char* kind : {"a", "b", "a", "c", "b"}) ASSERT_TRUE(Add({.kind = kind}).ok());
  EXPECT_THAT(Take(), ElementsAre(1, 3));
  EXPECT_THAT(Take(), ElementsAre(2, 5));
  EXPECT_THAT(Take(), ElementsAre(4));
}

TEST_F(Batching, RunsAKindThatIsDueThoughAnotherStillWaits) {
  Begin({.max_batch_size = 2, .max_queue_delay = kDelay});
  ASSERT_TRUE(Add({.kind = "a"}).ok());
  ASSERT_TRUE(Add({.kind = "b"}).ok());
  ASSERT_TRUE(Add({.kind = "b"}).ok());
  EXPECT_THAT(Take(), ElementsAre(2, 3));
  EXPECT_THAT(Take(), IsEmpty());
  EXPECT_EQ(machine_->NextBatch(), kStart + kDelay);
}

TEST_F(Batching, TakesHigherPrioritiesFirstAndFillsUpWithLower) {
  Begin({.max_batch_size = 2, .priority_levels = 3, .default_priority = 2});
  for (const std::size_t priority : std::vector<std::size_t>{3, 0, 1, 2, 1})
    ASSERT_TRUE(Add({.priority = priority}).ok());
  EXPECT_THAT(Take(), ElementsAre(3, 5));
  EXPECT_THAT(Take(), ElementsAre(2, 4));
  EXPECT_THAT(Take(), ElementsAre(1));
  ASSERT_TRUE(Add({.priority = 3}).ok());
  ASSERT_TRUE(Add({.priority = 1}).ok());
  EXPECT_THAT(Take(), ElementsAre(7, 6));
}

TEST_F(Batching, RefusesWhatDoesNotFitNamingBothNumbers) {
  Begin({.max_batch_size = 4,
         .priority_levels = 2,
         .max_queued_requests = 3,
         .max_queued_bytes = 100});
  EXPECT_EQ(Add({.items = 0}),
            absl::InvalidArgumentError("a request of 0 items, where a batch has 1 to 4"));
  EXPECT_EQ(Add({.items = 5}),
            absl::InvalidArgumentError("a request of 5 items, where a batch has 1 to 4"));
  EXPECT_EQ(Add({.priority = 3}), absl::InvalidArgumentError("priority 3 is beyond the lowest, 2"));
  EXPECT_EQ(Add({.bytes = 60}), absl::OkStatus());
  EXPECT_EQ(Add({.bytes = 41}),
            absl::ResourceExhaustedError("60 bytes wait for the model; with 41 more they would be "
                                         "over the limit of 100"));
  EXPECT_EQ(Add({.bytes = 40}), absl::OkStatus());
  EXPECT_EQ(Add({}), absl::OkStatus());
  EXPECT_EQ(Add({}), absl::ResourceExhaustedError(
                         "3 requests wait for the model, which takes no more than 3"));
  EXPECT_THAT(Take(), ElementsAre(1, 2, 3));
  EXPECT_EQ(machine_->queued_bytes(), 0u);
  EXPECT_EQ(Add({.bytes = 1000}), absl::OkStatus()) << "nothing waits";
  EXPECT_EQ(Add({.bytes = 1}).code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(Batching, NeverRunsWhatHasExpired) {
  Begin({.max_batch_size = 8, .queue_timeout = absl::Milliseconds(5)});
  ASSERT_TRUE(Add({.expiry = kStart + absl::Milliseconds(2)}).ok());
  ASSERT_TRUE(Add({.expiry = kStart + absl::Hours(1)}).ok());
  EXPECT_EQ(Add({.expiry = kStart}).code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(machine_->NextExpiry(), kStart + absl::Milliseconds(2));
  EXPECT_THAT(Expire(), IsEmpty());
  now_ += absl::Milliseconds(2);
  EXPECT_THAT(Take(), ElementsAre(2)) << "nor in a batch that is made before it was noticed";
  EXPECT_THAT(Expire(), ElementsAre(1));
  EXPECT_EQ(machine_->NextExpiry(), absl::InfiniteFuture());
  ASSERT_TRUE(Add({}).ok());
  EXPECT_EQ(machine_->NextExpiry(), now_ + absl::Milliseconds(5));
  now_ += absl::Milliseconds(5);
  EXPECT_THAT(Expire(), ElementsAre(3));
  EXPECT_THAT(Take(), IsEmpty());
}

TEST_F(Batching, NeverRunsWhatWasCancelled) {
  Begin({.max_batch_size = 8});
  AddEach({1, 1});
  EXPECT_TRUE(machine_->Cancel(tickets_[0]));
  EXPECT_FALSE(machine_->Cancel(tickets_[0]));
  EXPECT_THAT(Take(), ElementsAre(2));
  EXPECT_FALSE(machine_->Cancel(tickets_[1])) << "it runs";
}

TEST_F(Batching, AnswersInOrderWhereThatIsAskedFor) {
  Begin({.max_batch_size = 1, .preserve_ordering = true});
  AddEach({1, 1, 1, 1});
  EXPECT_THAT(End(2), IsEmpty());
  EXPECT_THAT(End(4), IsEmpty());
  EXPECT_THAT(End(1), ElementsAre(1, 2));
  EXPECT_THAT(End(3), ElementsAre(3, 4));
  Begin({.max_batch_size = 1});
  tickets_.clear();
  AddEach({1, 1});
  EXPECT_THAT(End(2), ElementsAre(2));
  EXPECT_THAT(End(1), ElementsAre(1));
}

TEST(BatchOptionsCheck, NamesWhatMakesNoSense) {
  const auto error = [](BatchOptions options) {
    const absl::Status status = BatchMachine::Check(options);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_EQ(BatchMachine::Check({}), absl::OkStatus());
  EXPECT_THAT(error({.max_batch_size = 0}), HasSubstr("max_batch_size"));
  EXPECT_THAT(error({.max_batch_size = 4, .preferred_batch_sizes = {4, 5}}), HasSubstr("5 is not"));
  EXPECT_THAT(error({.preferred_batch_sizes = {0}}), HasSubstr("0 is not"));
  EXPECT_THAT(error({.max_queue_delay = -kDelay}), HasSubstr("max_queue_delay"));
  EXPECT_THAT(error({.queue_timeout = absl::ZeroDuration()}), HasSubstr("queue_timeout"));
  EXPECT_THAT(error({.instances = 0}), HasSubstr("instances"));
  EXPECT_THAT(error({.default_priority = 2}), HasSubstr("default_priority 2"));
  EXPECT_THAT(error({.default_priority = 0}), HasSubstr("default_priority 0"));
  EXPECT_THAT(error({.max_queued_requests = 0}), HasSubstr("max_queued_requests"));
}

}  // namespace
}  // namespace parley::detail
