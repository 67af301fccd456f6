#include "src/wire/grpc/spin_policy.h"

#include <gtest/gtest.h>

#include <chrono>

namespace parley::detail {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// A thread that polls, on a clock of its own.
class SpinPolicyTest : public testing::Test {
 protected:
  // How many waits sleep before one spins.
  int SleepsUntilSpin() {
    int sleeps = 0;
    while (!policy_.ShouldSpin(now_)) {
      ++sleeps;
      policy_.Slept(now_);
    }
    return sleeps;
  }
  bool Ask(bool came, microseconds took = microseconds(1)) {
    now_ += took;
    return policy_.Asked(came, now_);
  }
  // How long it asks on in vain.
  microseconds AskInVain() {
    const SpinPolicy::Time start = now_;
    while (Ask(false)) {
    }
    return std::chrono::duration_cast<microseconds>(now_ - start);
  }
  void Work(microseconds time) { now_ += time; }

  SpinPolicy::Time now_{milliseconds(1000)};
  SpinPolicy policy_;
};

TEST_F(SpinPolicyTest, SpinsAsLongAsEventsComeMeanwhile) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(SleepsUntilSpin(), 0);
    EXPECT_TRUE(Ask(false));
    EXPECT_FALSE(Ask(true));
  }
}

TEST_F(SpinPolicyTest, SleepsMoreAfterEachFailureUpToALimit) {
  for (const int expected : {0, 2, 4, 8, 16, 32, 64, 64}) {
    EXPECT_EQ(SleepsUntilSpin(), expected);
    AskInVain();
  }
}

TEST_F(SpinPolicyTest, ForgetsFailuresBitByBitWhenEventsCome) {
  for (int i = 0; i < 4; ++i) {
    SleepsUntilSpin();
    AskInVain();
  }
  SleepsUntilSpin();
  Ask(true);
  EXPECT_EQ(SleepsUntilSpin(), 0);
  AskInVain();
  EXPECT_EQ(SleepsUntilSpin(), 16) << "as after the last failure";
  for (int i = 0; i < 10; ++i) {
    Ask(true);
    SleepsUntilSpin();
  }
  AskInVain();
  EXPECT_EQ(SleepsUntilSpin(), 2) << "as after the first";
}

TEST_F(SpinPolicyTest, AsksAsLongAsTheWorkBeforeTookWithinLimits) {
  const struct {
    microseconds work, asks;
  } cases[] = {{microseconds(10), SpinPolicy::kShortest},
               {microseconds(120), microseconds(120)},
               {milliseconds(50), SpinPolicy::kLongest}};
  SleepsUntilSpin();
  Ask(true);
  for (const auto& [work, asks] : cases) {
    Work(work);
    SleepsUntilSpin();
    EXPECT_EQ(AskInVain(), asks);
    SleepsUntilSpin();
    Ask(true);
  }
}

TEST_F(SpinPolicyTest, TimeAsleepIsNoWork) {
  SleepsUntilSpin();
  AskInVain();
  while (!policy_.ShouldSpin(now_)) {
    now_ += milliseconds(50);
    policy_.Slept(now_);
    Work(microseconds(80));
  }
  EXPECT_EQ(AskInVain(), microseconds(80));
}

TEST_F(SpinPolicyTest, GoesOnWhileAMessageMoves) {
  SleepsUntilSpin();
  Ask(true);
  SleepsUntilSpin();
  for (int i = 0; i < 100; ++i) {
    for (int j = 0; j < 40; ++j) ASSERT_TRUE(Ask(false));
    ASSERT_TRUE(Ask(false, microseconds(30)));
  }
  EXPECT_GE(AskInVain(), SpinPolicy::kShortest);
  EXPECT_EQ(SleepsUntilSpin(), 2) << "for no event came";
}

TEST_F(SpinPolicyTest, GivesUpInTimeWhereEachQuestionTakesLong) {
  SleepsUntilSpin();
  Ask(true, microseconds(20));
  SleepsUntilSpin();
  int asked = 1;
  while (Ask(false, microseconds(20)) && asked < 100) ++asked;
  EXPECT_EQ(asked, 3) << "60 us, more than kShortest";
  EXPECT_EQ(SleepsUntilSpin(), 2);
}

TEST_F(SpinPolicyTest, GivesUpWhereOthersWantTheCore) {
  SleepsUntilSpin();
  EXPECT_FALSE(Ask(false, milliseconds(4)));
  EXPECT_EQ(SleepsUntilSpin(), 2);
}

}  // namespace
}  // namespace parley::detail
