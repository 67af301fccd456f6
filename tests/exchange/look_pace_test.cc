#include "src/exchange/look_pace.h"

#include <gtest/gtest.h>

#include <chrono>

namespace parley::detail {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""us;
using Watch = LookPace::Watch;
using Leader = LookPace::Leader;

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
  for (int i = 0; i < 2; ++i) watch = pace.Found(Leader::kNone, false, watch);
  EXPECT_EQ(watch, Watch::kOften);
  watch = pace.Found(Leader::kNone, true, watch);
  for (int i = 0; i < 2; ++i) watch = pace.Found(Leader::kNone, false, watch);
  EXPECT_EQ(watch, Watch::kOften);
  watch = pace.Found(Leader::kNone, false, watch);
  EXPECT_EQ(watch, Watch::kSeldom);
  EXPECT_EQ(pace.UntilNextLook(watch), 10ms);
  for (int i = 0; i < 3; ++i) watch = pace.Found(Leader::kNone, false, watch);
  EXPECT_EQ(watch, Watch::kAsleep);
  EXPECT_GE(pace.UntilNextLook(watch), std::chrono::hours(1));
}

TEST(LookPace, FallsAsleepAtOnceBesideALeaderThatRests) {
  LookPace pace;
  Watch watch = Watch::kOften;
  for (int i = 0; i < 2; ++i) watch = pace.Found(Leader::kAtRest, false, watch);
  EXPECT_EQ(watch, Watch::kOften);
  EXPECT_EQ(pace.Found(Leader::kAtRest, false, watch), Watch::kAsleep);
}

// One that rested for long when it last did, such as beside a model that makes a token every 20 ms.
TEST(LookPace, DozesBesideALeaderThatRestsForLong) {
  LookPace pace;
  pace.Woken(20ms);
  EXPECT_EQ(pace.UntilNextLook(Watch::kOften), 800us);
  EXPECT_FALSE(pace.DozesWith(Leader::kInTask));
  EXPECT_EQ(pace.Found(Leader::kInTask, true, Watch::kOften), Watch::kOften);
  EXPECT_TRUE(pace.DozesWith(Leader::kAtRest));
  EXPECT_EQ(pace.Found(Leader::kAtRest, true, Watch::kOften), Watch::kAsleep);
}

TEST(LookPace, StaysAwakeBesideALeaderThatWasSoonBack) {
  LookPace pace;
  pace.Woken(20ms);
  pace.Woken(2ms);
  EXPECT_FALSE(pace.DozesWith(Leader::kAtRest));
  EXPECT_EQ(pace.Found(Leader::kAtRest, true, Watch::kOften), Watch::kOften);
}

// Who takes the lead is not known to wake the monitor.
TEST(LookPace, StaysAwakeWhereNobodyLeads) {
  LookPace pace;
  pace.Woken(20ms);
  EXPECT_FALSE(pace.DozesWith(Leader::kNone));
  EXPECT_EQ(pace.Found(Leader::kNone, true, Watch::kOften), Watch::kOften);
}

}  // namespace
}  // namespace parley::detail
