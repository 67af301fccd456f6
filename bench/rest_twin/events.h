// Tokens as server-sent events: `data: {"index":7}`, and `"sent_ns"` where the engine wrote it. Used
// by client and server.

#ifndef PARLEY_BENCH_REST_TWIN_EVENTS_H_
#define PARLEY_BENCH_REST_TWIN_EVENTS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace parley_bench {

// One event, with the empty line that ends it; `sent_ns` 0: not told.
std::string TokenEvent(std::uint64_t index, std::int64_t sent_ns);

// Cuts a body that arrives in pieces into events.
class EventReader {
 public:
  using OnToken = std::function<void(std::uint64_t index, std::int64_t sent_ns)>;

  // Calls `on_token` for every event that is complete with `piece`. DATA_LOSS for one that is none
  // of ours.
  absl::Status Read(std::string_view piece, const OnToken& on_token);

 private:
  std::string rest_;  // the begin of an event
};

}  // namespace parley_bench

#endif  // PARLEY_BENCH_REST_TWIN_EVENTS_H_
