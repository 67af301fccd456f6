#ifndef PARLEY_WRITE_TOGETHER_H_
#define PARLEY_WRITE_TOGETHER_H_

#include <utility>

#include "parley/detail/cork.h"

namespace parley {

// Runs `step` and returns what it returns. What the calling thread says meanwhile, on whichever calls, leaves
// together: messages, ends, new calls, cancels. Without it the first would leave at once, alone:
//
//   parley::WriteTogether([&] {
//     for (Generation& each : live) Write(each);
//   });
//
// For an engine that makes a token for each of many generations in a step. With 256 of them it saves a server a
// quarter of its CPU time, and who reads them an eighth; the first tokens wait for the last, which makes the p99
// of the delay a quarter longer (bench/README.md, tokens_paced_x256_apart).
//
// Sent:     when `step` returns or throws. Before that: what has come to 64 KiB on one connection; what was
//           said 200 us or more before something else there; all, when the thread waits in parley. What
//           other threads say on a connection leaves at once as ever, and takes along what is there.
// Blocks:   not by itself. A `step` that goes on to other work keeps its tokens from their readers: there is no
//           timer. One that waits for an answer to what it has said, other than in parley, waits for ever.
// Threads:  any number at once. Within another one on the same thread it changes nothing. A handler on parley's
//           own threads may have some sent earlier, as its thread would. A coroutine suspends out of it: not for
//           those.
//
// On sessions only, since a plain call has a stream of its own; and on the first 64 that a step writes to.
template <class Step>
decltype(auto) WriteTogether(Step&& step) {
  const detail::Cork cork;
  return std::forward<Step>(step)();
}

}  // namespace parley

#endif  // PARLEY_WRITE_TOGETHER_H_
