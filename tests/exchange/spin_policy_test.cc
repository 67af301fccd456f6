#include "src/wire/grpc/spin_policy.h"

#include <gtest/gtest.h>

namespace parley::detail {
namespace {

// How many waits sleep before one spins again.
int SleepsUntilSpin(SpinPolicy& policy) {
  int sleeps = 0;
  while (!policy.ShouldSpin()) ++sleeps;
  return sleeps;
}

TEST(SpinPolicy, SpinsAsLongAsEventsComeMeanwhile) {
  SpinPolicy policy;
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(policy.ShouldSpin());
    policy.Spun(true);
  }
}

TEST(SpinPolicy, SleepsMoreAfterEachFailureUpToALimit) {
  SpinPolicy policy;
  for (const int expected : {0, 2, 4, 8, 16, 32, 64, 64}) {
    EXPECT_EQ(SleepsUntilSpin(policy), expected);
    policy.Spun(false);
  }
}

TEST(SpinPolicy, ForgetsFailuresBitByBitWhenEventsCome) {
  SpinPolicy policy;
  for (int i = 0; i < 4; ++i) {
    SleepsUntilSpin(policy);
    policy.Spun(false);
  }
  SleepsUntilSpin(policy);
  policy.Spun(true);
  EXPECT_EQ(SleepsUntilSpin(policy), 0);
  policy.Spun(false);
  EXPECT_EQ(SleepsUntilSpin(policy), 16) << "as after the last failure";
  for (int i = 0; i < 10; ++i) policy.Spun(true);
  policy.Spun(false);
  EXPECT_EQ(SleepsUntilSpin(policy), 2) << "as after the first";
}

}  // namespace
}  // namespace parley::detail
