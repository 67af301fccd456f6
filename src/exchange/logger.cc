#include "src/exchange/logger.h"

#include <cstdio>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace parley::detail {
namespace {

constexpr int kLinesASecond = 20;

void LogToStderr(Severity severity, std::string_view text) {
  if (severity == Severity::kInfo) return;
  const char* level = severity == Severity::kWarning ? "warning" : "error";
  std::fprintf(stderr, "parley: %s: %.*s\n", level, static_cast<int>(text.size()), text.data());
}

}  // namespace

Logger::Logger(Log log) : log_(log ? std::move(log) : LogToStderr) {}

void Logger::operator()(Severity severity, std::string_view text) {
  int dropped = 0;
  {
    std::unique_lock lock(mutex_);
    const absl::Time now = absl::Now();
    if (now - second_ >= absl::Seconds(1)) {
      second_ = now;
      in_second_ = 0;
      std::swap(dropped, dropped_);
    }
    if (++in_second_ > kLinesASecond) {
      ++dropped_;
      return;
    }
  }
  if (dropped > 0) log_(Severity::kWarning, absl::StrCat(dropped, " log lines were left out"));
  log_(severity, text);
}

}  // namespace parley::detail
