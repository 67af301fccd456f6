// Blocking callers: see callers.h.

#include "callers.h"

#include <mutex>
#include <thread>
#include <vector>

namespace parley_bench {

absl::Status RunCallers(int threads, std::int64_t calls, const Caller& caller,
                        Latencies& latencies) {
  const auto end = static_cast<std::uint64_t>(calls);
  if (threads == 1) return caller({.end = end}, latencies);
  std::mutex mutex;
  absl::Status error;
  std::vector<std::jthread> running;
  const auto callers = static_cast<std::size_t>(threads);
  for (std::size_t i = 0; i < callers; ++i) {
    const Share share{.caller = i, .first = end * i / callers, .end = end * (i + 1) / callers};
    running.emplace_back([&, share] {
      Latencies own;
      own.Reserve(static_cast<std::int64_t>(share.end - share.first));
      const absl::Status status = caller(share, own);
      std::lock_guard lock(mutex);
      latencies.AddAll(own);
      error.Update(status);
    });
  }
  running.clear();  // joins
  return error;
}

}  // namespace parley_bench
