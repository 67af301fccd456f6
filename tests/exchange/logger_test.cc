// What reaches the application's log, and how much of it.
#include "src/exchange/logger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/call/gate.h"

namespace parley::detail {
namespace {

using call_test::Gate;
using testing::HasSubstr;
using testing::Not;

// What the bound is today; tests that are not about the number use none.
constexpr int kLinesASecond = 20;

struct Lines {
  Log log() {
    return [this](Severity severity, std::string_view text) {
      const std::lock_guard lock(mutex);
      lines.emplace_back(severity, text);
    };
  }
  std::size_t size() {
    const std::lock_guard lock(mutex);
    return lines.size();
  }

  std::mutex mutex;
  std::vector<std::pair<Severity, std::string>> lines;
};

TEST(Logger, PassesSeverityAndText) {
  Lines lines;
  Logger logger(lines.log());
  logger(Severity::kInfo, "one");
  logger(Severity::kWarning, "two");
  logger(Severity::kError, "");
  EXPECT_THAT(lines.lines, testing::ElementsAre(std::pair(Severity::kInfo, "one"),
                                                std::pair(Severity::kWarning, "two"),
                                                std::pair(Severity::kError, "")));
}

TEST(Logger, WithoutALogWarningsAndErrorsGoToStderr) {
  testing::internal::CaptureStderr();
  Logger logger(nullptr);
  logger(Severity::kInfo, "nothing to worry about");
  logger(Severity::kWarning, std::string_view("a warning and more", 9));
  logger(Severity::kError, "an error");
  const std::string written = testing::internal::GetCapturedStderr();
  EXPECT_EQ(written, "parley: warning: a warning\nparley: error: an error\n");
}

TEST(Logger, LeavesOutWhatIsTooMuchAndSaysHowMuch) {
  Lines lines;
  Logger logger(lines.log());
  const absl::Time start = absl::Now();
  int said = 0;
  for (; said < 500; ++said) logger(Severity::kWarning, "again");
  const int seconds = static_cast<int>(absl::ToInt64Seconds(absl::Now() - start)) + 1;
  EXPECT_LE(lines.size(), static_cast<std::size_t>(2 * kLinesASecond * seconds));
  // Once a second has passed the next line comes through, after a word on what did not.
  const std::size_t before = lines.size();
  const absl::Time patience = absl::Now() + absl::Seconds(20);
  for (; lines.size() == before && absl::Now() < patience; ++said) {
    logger(Severity::kWarning, "again");
  }
  ASSERT_EQ(lines.size(), before + 2);
  const std::string note = lines.lines[before].second;
  EXPECT_EQ(lines.lines[before].first, Severity::kWarning);
  EXPECT_THAT(note, HasSubstr("left out"));
  int left_out = 0;
  ASSERT_TRUE(absl::SimpleAtoi(note.substr(0, note.find(' ')), &left_out)) << note;
  if (before == static_cast<std::size_t>(kLinesASecond)) {
    EXPECT_EQ(left_out + kLinesASecond + 1, said) << "every line was passed on or counted";
  }
  logger(Severity::kError, "more");
  EXPECT_THAT(lines.lines.back().second, Not(HasSubstr("left out"))) << "it is said once";
}

TEST(Logger, BoundsWhatManyThreadsSay) {
  Lines lines;
  Logger logger(lines.log());
  const absl::Time start = absl::Now();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 1000; ++j) logger(Severity::kInfo, "text");
    });
  }
  for (std::thread& thread : threads) thread.join();
  const int seconds = static_cast<int>(absl::ToInt64Seconds(absl::Now() - start)) + 1;
  EXPECT_GE(lines.size(), static_cast<std::size_t>(kLinesASecond));
  EXPECT_LE(lines.size(), static_cast<std::size_t>((kLinesASecond + 1) * (seconds + 1)));
}

TEST(Logger, ALogThatBlocksHoldsUpNobodyElse) {
  Gate blocked;
  Gate go;
  Gate other;
  Logger logger([&](Severity, std::string_view text) {
    if (text == "block") {
      blocked.Open();
      EXPECT_TRUE(go.Opens());
    } else {
      other.Open();
    }
  });
  std::thread thread([&] { logger(Severity::kInfo, "block"); });
  ASSERT_TRUE(blocked.Opens());
  logger(Severity::kInfo, "go on");
  EXPECT_TRUE(other.is_open());
  go.Open();
  thread.join();
}

}  // namespace
}  // namespace parley::detail
