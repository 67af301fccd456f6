// Dynamic batching under random schedules: requests of all sorts, instances that take their time,
// cancellations, expiries and a clock that jumps from one event to the next. A number that fails is
// printed; `batch_simulation_test --seed=NUMBER` runs it alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/model/batch_machine.h"
#include "tests/seeded_runs.h"

namespace parley::detail {
namespace {

using Ticket = BatchMachine::Ticket;

class BatchSimulation {
 public:
  explicit BatchSimulation(std::uint64_t seed) : random_(seed), options_(RandomOptions()) {}

  // What went wrong; "" if nothing did.
  std::string Run() {
    machine_.emplace(options_);
    const int steps = Draw(20, 200);
    for (int step = 0; step < steps && violation_.empty(); ++step) {
      switch (Draw(0, 5)) {
        case 0:
        case 1:
        case 2:
          Add();
          break;
        case 3:
          CancelOne();
          break;
        case 4:
          now_ += absl::Microseconds(Draw(0, 2000));
          break;
        case 5:
          FinishOne();
          break;
      }
      Settle();
    }
    // What is left runs to its end, and needs nothing but the times that the machine names.
    for (int step = 0; !requests_.empty() && violation_.empty(); ++step) {
      if (step == 1000) Fail("requests are left that nothing will happen to");
      if (!FinishOne()) {
        const absl::Time next = std::min(machine_->NextBatch(), machine_->NextExpiry());
        if (next == absl::InfiniteFuture()) Fail("a wake-up is lost");
        now_ = std::max(now_, next);
      }
      Settle();
    }
    if (violation_.empty() && machine_->queued_bytes() != 0)
      Fail("bytes are left without requests");
    return violation_;
  }

 private:
  enum class State { kWaiting, kRunning, kEnded };
  struct Known {
    BatchMachine::Request request;
    absl::Time since;
    State state = State::kWaiting;
  };

  int Draw(int least, int most) { return std::uniform_int_distribution<>(least, most)(random_); }
  bool OneIn(int n) { return Draw(1, n) == 1; }
  void Fail(std::string what) {
    if (violation_.empty()) violation_ = std::move(what);
  }

  BatchOptions RandomOptions() {
    BatchOptions options;
    options.max_batch_size = static_cast<std::size_t>(Draw(1, 12));
    while (OneIn(2)) {
      options.preferred_batch_sizes.push_back(
          static_cast<std::size_t>(Draw(1, static_cast<int>(options.max_batch_size))));
    }
    if (OneIn(2)) options.max_queue_delay = absl::Microseconds(Draw(1, 3000));
    options.instances = static_cast<std::size_t>(Draw(1, 3));
    options.priority_levels = static_cast<std::size_t>(Draw(1, 3));
    options.default_priority =
        static_cast<std::size_t>(Draw(1, static_cast<int>(options.priority_levels)));
    options.max_queued_requests = static_cast<std::size_t>(Draw(1, 30));
    options.max_queued_bytes = static_cast<std::size_t>(Draw(0, 3000));
    if (OneIn(2)) options.queue_timeout = absl::Microseconds(Draw(1, 5000));
    options.preserve_ordering = OneIn(2);
    return options;
  }

  void Add() {
    BatchMachine::Request request;
    request.items = static_cast<std::size_t>(Draw(0, OneIn(3) ? 13 : 2));
    request.bytes = static_cast<std::size_t>(Draw(0, 300));
    request.priority = static_cast<std::size_t>(Draw(0, 3));
    request.kind = std::string(1, static_cast<char>('a' + (OneIn(3) ? Draw(0, 2) : 0)));
    if (OneIn(3)) request.expiry = now_ + absl::Microseconds(Draw(-10, 3000));
    const std::size_t requests = machine_->queued_requests();
    const std::size_t bytes = machine_->queued_bytes();
    const absl::StatusOr<Ticket> ticket = machine_->Add(request, now_);
    const bool fits = requests < options_.max_queued_requests &&
                      (requests == 0 || bytes + request.bytes <= options_.max_queued_bytes);
    const bool valid = request.items > 0 && request.items <= options_.max_batch_size &&
                       request.priority <= options_.priority_levels;
    const bool early = request.expiry > now_;
    if (ticket.ok() != (valid && early && fits)) {
      return Fail(absl::StrCat("a request is taken or refused: ", ticket.status().ToString()));
    }
    if (!ticket.ok()) return;
    request.expiry = std::min(request.expiry, now_ + options_.queue_timeout);
    if (request.priority == 0) request.priority = options_.default_priority;
    if (ticket->priority != request.priority) Fail("a request has another priority");
    if (!requests_.emplace(ticket->number, Known{request, now_}).second) Fail("a number twice");
    tickets_[ticket->number] = *ticket;
  }

  void CancelOne() {
    if (requests_.empty()) return;
    auto chosen = requests_.begin();
    std::advance(chosen, Draw(0, static_cast<int>(requests_.size()) - 1));
    const bool cancelled = machine_->Cancel(tickets_[chosen->first]);
    if (cancelled != (chosen->second.state == State::kWaiting)) {
      return Fail("only what waits can be cancelled");
    }
    if (cancelled) End(chosen->first);
  }

  // An instance is done with its batch, if one has any.
  bool FinishOne() {
    if (running_.empty()) return false;
    const auto batch = running_.begin() + Draw(0, static_cast<int>(running_.size()) - 1);
    const std::vector<std::uint64_t> done = *batch;
    running_.erase(batch);
    for (const std::uint64_t number : done) End(number);
    return true;
  }

  void End(std::uint64_t number) {
    requests_.at(number).state = State::kEnded;
    for (const Ticket& ticket : machine_->End(tickets_[number])) Answer(ticket.number);
  }

  void Answer(std::uint64_t number) {
    const auto known = requests_.find(number);
    if (known == requests_.end()) return Fail("a request is answered twice");
    if (known->second.state != State::kEnded) return Fail("a request is answered too early");
    if (options_.preserve_ordering && requests_.begin()->first != number) {
      return Fail("an answer overtakes another");
    }
    requests_.erase(known);
  }

  // As a driver does after each change.
  void Settle() {
    for (const Ticket& ticket : machine_->Expire(now_)) {
      const Known& known = requests_.at(ticket.number);
      if (known.request.expiry > now_) Fail("a request expires too early");
      if (known.state != State::kWaiting) Fail("a request expires that does not wait");
      End(ticket.number);
    }
    if (machine_->NextExpiry() <= now_) Fail("a request does not expire");
    while (running_.size() < options_.instances && violation_.empty()) {
      const BatchMachine::Tickets batch = machine_->Take(now_);
      if (batch.empty()) return ExpectNothingIsDue();
      Run(batch);
    }
  }

  void Run(const BatchMachine::Tickets& batch) {
    const std::string kind = requests_.at(batch.front().number).request.kind;
    std::size_t items = 0;
    absl::Time oldest = absl::InfiniteFuture();
    std::vector<std::uint64_t> numbers;
    for (const Ticket& ticket : batch) {
      Known& known = requests_.at(ticket.number);
      if (known.state != State::kWaiting) Fail("a request runs twice, or after its end");
      if (known.request.expiry <= now_) Fail("an expired request runs");
      if (known.request.kind != kind) Fail("two kinds in one batch");
      known.state = State::kRunning;
      items += known.request.items;
      oldest = std::min(oldest, known.since);
      numbers.push_back(ticket.number);
    }
    if (items > options_.max_batch_size) Fail("a batch is too large");
    // Nothing of its kind that should have come before is left.
    std::optional<std::size_t> next_items;
    for (const auto& [ticket, known] : Queued(kind)) {
      if (ticket < batch.back()) Fail("a request is overtaken by one of its kind");
      if (!next_items) next_items = known->request.items;
    }
    const bool full = items == options_.max_batch_size ||
                      (next_items && *next_items > options_.max_batch_size - items);
    if (!full && !IsPreferred(items) && oldest + options_.max_queue_delay > now_) {
      Fail("a batch runs before it is due");
    }
    if (!full && !IsPreferred(items) && next_items) Fail("a batch leaves out what would fit");
    running_.push_back(std::move(numbers));
  }

  bool IsPreferred(std::size_t items) const {
    const auto& sizes = options_.preferred_batch_sizes;
    return std::count(sizes.begin(), sizes.end(), items) > 0;
  }
  std::map<Ticket, const Known*> Queued(const std::string& kind) const {
    std::map<Ticket, const Known*> queued;
    for (const auto& [number, known] : requests_) {
      if (known.state == State::kWaiting && known.request.kind == kind) {
        queued.emplace(tickets_.at(number), &known);
      }
    }
    return queued;
  }

  void ExpectNothingIsDue() {
    absl::Time next = absl::InfiniteFuture();
    for (const char* kind : {"a", "b", "c"}) {
      std::size_t items = 0;
      for (const auto& [ticket, known] : Queued(kind)) {
        if (known->request.items > options_.max_batch_size - items) Fail("a full batch waits");
        items += known->request.items;
        if (IsPreferred(items)) Fail("a batch of a preferred size waits");
        if (known->since + options_.max_queue_delay <= now_) Fail("a batch waits for too long");
        next = std::min(next, known->since + options_.max_queue_delay);
      }
      if (items == options_.max_batch_size) Fail("a full batch waits");
    }
    if (machine_->NextBatch() != next) Fail("the next batch's time is wrong");
  }

  std::mt19937_64 random_;
  const BatchOptions options_;
  std::optional<BatchMachine> machine_;
  absl::Time now_ = absl::UnixEpoch() + absl::Hours(1);
  std::map<std::uint64_t, Known> requests_;  // that have not been answered, by number
  std::map<std::uint64_t, Ticket> tickets_;
  std::vector<std::vector<std::uint64_t>> running_;  // batches
  std::string violation_;
};

std::string Simulate(std::uint64_t seed, bool) { return BatchSimulation(seed).Run(); }

class BatchSimulationTest : public testing::TestWithParam<std::uint64_t> {};

TEST_P(BatchSimulationTest, EveryRequestIsAnsweredOnceByTheRules) {
  seeded::ExpectBlockPasses(GetParam(), "batch_simulation_test", Simulate);
}

INSTANTIATE_TEST_SUITE_P(Seeds, BatchSimulationTest, testing::Range<std::uint64_t>(0, 10));

}  // namespace
}  // namespace parley::detail

int main(int argc, char** argv) {
  return parley::seeded::Main(argc, argv, parley::detail::Simulate);
}
