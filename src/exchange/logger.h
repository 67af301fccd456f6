// Passes what parley has to say to the application's log, at most a few lines a second.
#ifndef PARLEY_SRC_EXCHANGE_LOGGER_H_
#define PARLEY_SRC_EXCHANGE_LOGGER_H_

#include <mutex>
#include <string_view>

#include "absl/time/time.h"
#include "parley/options.h"

namespace parley::detail {

class Logger {
 public:
  // No `log`: warnings and errors go to stderr.
  explicit Logger(Log log);

  // Never called under a lock.
  void operator()(Severity severity, std::string_view text);

 private:
  const Log log_;
  std::mutex mutex_;
  absl::Time second_ = absl::InfinitePast();
  int in_second_ = 0;
  int dropped_ = 0;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_EXCHANGE_LOGGER_H_
