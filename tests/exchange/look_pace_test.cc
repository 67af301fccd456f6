#include "src/exchange/look_pace.h"

#include <gtest/gtest.h>

#include <chrono>

namespace parley::detail {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""us;
using Watch = LookPace::Watch;

TEST(LookPace, GlancesOnceAtATaskThatALookFound) {
  LookPace pace;
  EXPECT_EQ(pace.UntilNextLook(Watch::kOften), 800us);
  pace.FoundWork(true);
  EXPECT_EQ(pace.UntilNextLook(Watch::kOften), 200us);
  pace.FoundWork(true);  // another task, or it would have lost the lead
  EXPECT_EQ(pace.UntilNextLook(Watch::kOften), 800us);
  pace.FoundWork(false);
  EXPECT_EQ(pace.UntilNextLook(Watch::kOften), 800us);
}

TEST(LookPace, GlancesAgainAsLongAsItIsTold) {
  LookPace pace;
  for (int i = 0; i < 3; ++i) {
    pace.LookAgainSoon();
    EXPECT_EQ(pace.UntilNextLook(Watch::kOften), 200us);
  }
  pace.FoundWork(true);
  EXPECT_EQ(pace.UntilNextLook(Watch::kOften), 800us);
}

TEST(LookPace, LooksLessOftenWhileAllIsWork) {
  LookPace pace;
  for (int i = 0; i < 100; ++i) pace.FoundWork(false);
  EXPECT_EQ(pace.UntilNextLook(Watch::kOften), 1600us);
  for (int i = 0; i < 1000; ++i) pace.FoundWork(false);
  EXPECT_EQ(pace.UntilNextLook(Watch::kOften), 3200us);
}

TEST(LookPace, FallsAsleepByStepsWithoutNews) {
  LookPace pace;
  Watch watch = Watch::kOften;
  for (int i = 0; i < 2; ++i) watch = pace.Found(false, false, watch);
  EXPECT_EQ(watch, Watch::kOften);
  watch = pace.Found(false, true, watch);
  for (int i = 0; i < 2; ++i) watch = pace.Found(false, false, watch);
  EXPECT_EQ(watch, Watch::kOften);
  watch = pace.Found(false, false, watch);
  EXPECT_EQ(watch, Watch::kSeldom);
  EXPECT_EQ(pace.UntilNextLook(watch), 10ms);
  for (int i = 0; i < 3; ++i) watch = pace.Found(false, false, watch);
  EXPECT_EQ(watch, Watch::kAsleep);
  EXPECT_GE(pace.UntilNextLook(watch), std::chrono::hours(1));
}

}  // namespace
}  // namespace parley::detail
