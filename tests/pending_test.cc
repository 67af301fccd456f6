// Pending alone, on an exchange of which only waiting works; tests/call/pending_test.cc has real
// calls.
#include "parley/pending.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <coroutine>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace parley {
namespace {

using detail::Exchange;
using detail::Payload;
using detail::Slot;
using detail::Waiter;
using testing::ElementsAre;
using testing::IsEmpty;

static_assert(!std::is_copy_constructible_v<Pending<int>>);
static_assert(std::is_move_constructible_v<Pending<int>>);
static_assert(!std::is_move_assignable_v<Pending<int>>);
template <class P, class F>
concept TakesCallback = requires(P pending, F callback) {
  std::move(pending).Then(callback);
};
static_assert(TakesCallback<Pending<int>, void (*)(int)>);
static_assert(!TakesCallback<Pending<int>, void (*)(std::string)>);
static_assert(!TakesCallback<Pending<int>, void (*)()>);

// An exchange of which only waiting works: a test says when it is ready, and when what was posted
// runs.
class FakeExchange final : public Exchange {
 public:
  // What pending results take: a number, or -1 where another waiter was there first.
  static int Take(Exchange& exchange, void* argument, bool busy) {
    ++static_cast<FakeExchange&>(exchange).taken;
    return busy ? -1 : argument == nullptr ? 42 : *static_cast<int*>(argument);
  }

  void BecomeReady() {
    Waiter* fired;
    {
      const std::lock_guard lock(mutex_);
      ready_ = true;
      fired = std::exchange(waiter_, nullptr);
      changed_.notify_all();
    }
    if (fired != nullptr) fired->Fire();
  }
  void RunPosted() {
    while (!posted.empty()) {
      absl::AnyInvocable<void()> task = std::move(posted.front());
      posted.pop_front();
      task();
    }
  }
  bool waited_for() {
    const std::lock_guard lock(mutex_);
    return waiter_ != nullptr;
  }

  Armed Arm(Slot, Waiter* waiter) override {
    const std::lock_guard lock(mutex_);
    if (waiter_ != nullptr) return Armed::kBusy;
    if (ready_) return Armed::kReady;
    waiter_ = waiter;
    return Armed::kArmed;
  }
  bool Disarm(Slot, Waiter* waiter) override {
    const std::lock_guard lock(mutex_);
    if (waiter_ != waiter) return false;
    waiter_ = nullptr;
    return true;
  }
  bool Block(Slot) override {
    std::unique_lock lock(mutex_);
    if (waiter_ != nullptr) return false;
    changed_.wait(lock, [&] { return ready_; });
    return true;
  }
  void Post(absl::AnyInvocable<void()>&& task) override { posted.push_back(std::move(task)); }
  void Cancel(absl::Status status) override { cancelled.push_back(std::move(status)); }
  void Reject(absl::Status) override { Unused().IgnoreError(); }

  detail::AllocateBlock allocator() const override { return nullptr; }
  absl::StatusOr<bool> Write(Payload&&) override { return Unused(); }
  absl::StatusOr<bool> HasRoom() override { return Unused(); }
  absl::Status WriteStatus() override { return Unused(); }
  void WritesDone() override { Unused().IgnoreError(); }
  void Finish(absl::Status, std::optional<Payload>&&) override { Unused().IgnoreError(); }
  std::optional<Payload> Take() override { return std::nullopt; }
  absl::StatusOr<Payload> TakeResponse() override { return Unused(); }
  absl::Status ReadStatus() override { return Unused(); }
  absl::Status FinalStatus() override { return Unused(); }
  void Drop() override { Unused().IgnoreError(); }
  void Log(Severity, std::string_view) override { Unused().IgnoreError(); }
  std::string_view method() const override { return ""; }
  std::string peer() override { return ""; }
  absl::Time deadline() const override { return absl::InfiniteFuture(); }
  std::stop_token stop_token() override { return {}; }
  const Metadata& RequestMetadata() override { return metadata_; }
  const Metadata& InitialMetadata() override { return metadata_; }
  const Metadata& TrailingMetadata() override { return metadata_; }
  absl::Status AddInitialMetadata(std::string_view, std::string_view) override { return Unused(); }
  absl::Status AddTrailingMetadata(std::string_view, std::string_view) override { return Unused(); }

  std::deque<absl::AnyInvocable<void()>> posted;
  std::vector<absl::Status> cancelled;
  int taken = 0;

 private:
  static absl::Status Unused() {
    ADD_FAILURE() << "a pending result only waits";
    return absl::InternalError("");
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool ready_ = false;
  Waiter* waiter_ = nullptr;
  const Metadata metadata_{};
};

class PendingTest : public testing::Test {
 protected:
  Pending<int> Make(bool cancel_if_dropped = false) {
    return {exchange_, Slot::kEnd, &FakeExchange::Take, nullptr, cancel_if_dropped};
  }
  ~PendingTest() override {
    EXPECT_THAT(exchange_->posted, IsEmpty());
    EXPECT_EQ(exchange_.use_count(), 1) << "something still holds the exchange";
  }

  const std::shared_ptr<FakeExchange> exchange_ = std::make_shared<FakeExchange>();
};

using PendingThen = PendingTest;
using PendingWait = PendingTest;
using PendingAwait = PendingTest;
using PendingDropped = PendingTest;

TEST_F(PendingWait, ReturnsAResultThatIsThere) {
  EXPECT_EQ(Pending<int>(exchange_, 7).Wait(), 7);
  EXPECT_EQ(exchange_->taken, 0);
  exchange_->BecomeReady();
  EXPECT_EQ(Make().Wait(), 42);
  EXPECT_EQ(exchange_->taken, 1);
}

TEST_F(PendingWait, BlocksUntilTheResultIsThere) {
  std::thread other([&] { exchange_->BecomeReady(); });
  EXPECT_EQ(Make().Wait(), 42);
  other.join();
}

TEST_F(PendingWait, PassesTheArgumentOn) {
  exchange_->BecomeReady();
  int argument = 5;
  EXPECT_EQ(Pending<int>(exchange_, Slot::kEnd, &FakeExchange::Take, &argument).Wait(), 5);
}

TEST_F(PendingThen, CallsBackLaterThoughTheResultIsThere) {
  exchange_->BecomeReady();
  std::vector<int> results;
  Make().Then([&](int result) { results.push_back(result); });
  Pending<int>(exchange_, 7).Then([&](int result) { results.push_back(result); });
  EXPECT_THAT(results, IsEmpty()) << "never inside the call that registered it";
  EXPECT_EQ(exchange_->posted.size(), 2u);
  exchange_->RunPosted();
  EXPECT_THAT(results, ElementsAre(42, 7));
}

TEST_F(PendingThen, CallsBackOnceTheResultIsThere) {
  std::vector<int> results;
  Make().Then([&](int result) { results.push_back(result); });
  EXPECT_TRUE(exchange_->waited_for());
  EXPECT_THAT(exchange_->posted, IsEmpty());
  exchange_->BecomeReady();
  EXPECT_THAT(results, IsEmpty()) << "not on the thread that brought the news";
  exchange_->RunPosted();
  EXPECT_THAT(results, ElementsAre(42));
}

TEST_F(PendingThen, TellsASecondWaiterThatItIsBusy) {
  std::vector<int> results;
  const auto keep = [&](int result) { results.push_back(result); };
  Make().Then(keep);
  Make().Then(keep);
  EXPECT_EQ(exchange_->posted.size(), 1u);
  exchange_->RunPosted();
  EXPECT_THAT(results, ElementsAre(-1));
  EXPECT_EQ(Make().Wait(), -1);
  exchange_->BecomeReady();
  exchange_->RunPosted();
  EXPECT_THAT(results, ElementsAre(-1, 42));
}

TEST_F(PendingThen, TakesCallbacksAndGivesResultsThatCanOnlyBeMoved) {
  std::unique_ptr<int> result;
  auto callback = [&result, held = std::make_unique<int>(1)](std::unique_ptr<int> value) {
    *value += *held;
    result = std::move(value);
  };
  Pending<std::unique_ptr<int>>(exchange_, std::make_unique<int>(2)).Then(std::move(callback));
  exchange_->RunPosted();
  EXPECT_EQ(*result, 3);
}

TEST_F(PendingThen, KeepsTheExchangeUntilTheCallbackHasRun) {
  auto exchange = std::make_shared<FakeExchange>();
  const std::weak_ptr<FakeExchange> alive = exchange;
  bool called = false;
  Pending<int>(exchange, Slot::kEnd, &FakeExchange::Take).Then([&](int) { called = true; });
  FakeExchange* raw = exchange.get();
  exchange.reset();
  ASSERT_FALSE(alive.expired());
  raw->BecomeReady();
  ASSERT_FALSE(alive.expired());
  absl::AnyInvocable<void()> task = std::move(raw->posted.front());
  raw->posted.clear();
  task();
  task = nullptr;
  EXPECT_TRUE(called);
  EXPECT_TRUE(alive.expired());
}

// A coroutine that ends with what it awaited; `result` is empty until then.
struct Awaiting {
  struct promise_type {
    Awaiting get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};
Awaiting Await(Pending<int> pending, std::optional<int>& result) {
  result = co_await std::move(pending);
}

TEST_F(PendingAwait, GoesOnAtOnceIfTheResultIsThere) {
  std::optional<int> result;
  Await(Pending<int>(exchange_, 7), result);
  EXPECT_EQ(result, 7);
  exchange_->BecomeReady();
  Await(Make(), result);
  EXPECT_EQ(result, 42);
  EXPECT_THAT(exchange_->posted, IsEmpty()) << "no hop without need";
}

TEST_F(PendingAwait, ResumesWhereCallbacksBelong) {
  std::optional<int> result;
  Await(Make(), result);
  EXPECT_EQ(result, std::nullopt);
  exchange_->BecomeReady();
  EXPECT_EQ(result, std::nullopt) << "not on the thread that brought the news";
  exchange_->RunPosted();
  EXPECT_EQ(result, 42);
}

TEST_F(PendingAwait, TellsASecondWaiterThatItIsBusy) {
  std::optional<int> first;
  std::optional<int> second;
  Await(Make(), first);
  Await(Make(), second);
  EXPECT_EQ(second, -1);
  exchange_->BecomeReady();
  exchange_->RunPosted();
  EXPECT_EQ(first, 42);
}

// Once it is armed, another thread may resume the coroutine before it has quite suspended.
TEST_F(PendingAwait, MayBeResumedWhileItSuspends) {
  for (int i = 0; i < 2000; ++i) {
    const auto exchange = std::make_shared<FakeExchange>();
    std::optional<int> result;
    std::thread other([&] {
      exchange->BecomeReady();
      exchange->RunPosted();
    });
    Await(Pending<int>(exchange, Slot::kEnd, &FakeExchange::Take, nullptr, true), result);
    other.join();
    ASSERT_EQ(result, 42);
    ASSERT_THAT(exchange->cancelled, IsEmpty());
  }
}

TEST_F(PendingDropped, CallIsCancelledOnce) {
  {
    Pending<int> first = Make(true);
    const Pending<int> second = std::move(first);
    EXPECT_THAT(exchange_->cancelled, IsEmpty());
  }
  ASSERT_EQ(exchange_->cancelled.size(), 1u);
  EXPECT_EQ(exchange_->cancelled[0].code(), absl::StatusCode::kCancelled);
}

TEST_F(PendingDropped, ReadOrWriteLeavesTheCallAlive) {
  { const Pending<int> dropped = Make(); }
  { const Pending<int> dropped(exchange_, 7); }
  EXPECT_THAT(exchange_->cancelled, IsEmpty());
  EXPECT_EQ(exchange_->taken, 0) << "no message is lost";
}

TEST_F(PendingDropped, AfterItsResultWasTakenCancelsNothing) {
  exchange_->BecomeReady();
  EXPECT_EQ(Make(true).Wait(), 42);
  std::optional<int> awaited;
  Await(Make(true), awaited);
  Make(true).Then([](int) {});
  exchange_->RunPosted();
  EXPECT_EQ(exchange_->taken, 3);
  EXPECT_THAT(exchange_->cancelled, IsEmpty());
}

// An executor may destroy its tasks instead of running them.
TEST_F(PendingDropped, ByTheExecutorFreesTheCallbackAndCancelsTheCall) {
  const auto held = std::make_shared<int>(1);
  exchange_->BecomeReady();
  Make(true).Then([held](int) { FAIL() << "it was dropped"; });
  EXPECT_EQ(held.use_count(), 2);
  exchange_->posted.clear();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(exchange_->cancelled.size(), 1u);
}

}  // namespace
}  // namespace parley
