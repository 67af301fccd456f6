// What parley said to the application's log, kept for a test to look at or to wait for.
#ifndef PARLEY_TESTS_CALL_LOG_LINES_H_
#define PARLEY_TESTS_CALL_LOG_LINES_H_

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "parley/options.h"
#include "tests/call/gate.h"

namespace parley::call_test {

class LogLines {
 public:
  // To be given as ClientOptions::log or ServerOptions::log; may be called after this has gone.
  Log log() {
    return [state = state_](Severity severity, std::string_view text) {
      const std::lock_guard lock(state->mutex);
      if (severity != Severity::kInfo) state->lines.emplace_back(text);
      state->changed.notify_all();
    };
  }

  std::vector<std::string> lines() const {
    const std::lock_guard lock(state_->mutex);
    return state_->lines;
  }

  // Blocks until a warning or an error with `text` in it was logged.
  testing::AssertionResult Says(std::string_view text) {
    std::unique_lock lock(state_->mutex);
    const auto said = [&] {
      for (const std::string& line : state_->lines) {
        if (line.find(text) != std::string::npos) return true;
      }
      return false;
    };
    if (state_->changed.wait_for(lock, kPatience, said)) return testing::AssertionSuccess();
    return testing::AssertionFailure()
           << "no log line with \"" << text << "\" among: " << absl::StrJoin(state_->lines, "; ");
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::string> lines;
  };
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace parley::call_test

#endif  // PARLEY_TESTS_CALL_LOG_LINES_H_
