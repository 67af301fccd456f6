// Whose turn it is on a call that the engine's thread writes to while gRPC's threads complete what
// was written before: gRPC takes one write at a time. Used by the queue and the callback server.

#ifndef PARLEY_BENCH_GRPC_TWIN_WRITE_GATE_H_
#define PARLEY_BENCH_GRPC_TWIN_WRITE_GATE_H_

#include <atomic>

#include "engine.h"

namespace parley_bench {

// Threads:  Enter and Abandon from the engine's, Leave from one of gRPC's.
class WriteGate {
 public:
  // kYes: write, and call Leave when that is done. kGone: the call must be finished now.
  Generation::Written Enter() {
    switch (state_.load()) {
      case State::kReady:
        state_ = State::kWriting;
        return Generation::Written::kYes;
      case State::kWriting:
        return Generation::Written::kNotNow;
      default:
        return Generation::Written::kGone;
    }
  }

  // Returns whether the call was abandoned meanwhile and must be finished now.
  bool Leave(bool ok) {
    State writing = State::kWriting;
    return !state_.compare_exchange_strong(writing, ok ? State::kReady : State::kGone);
  }

  // Returns whether the call must be finished now; if not, Leave will say so.
  bool Abandon() { return state_.exchange(State::kAbandoned) != State::kWriting; }

 private:
  enum class State { kReady, kWriting, kGone, kAbandoned };

  std::atomic<State> state_{State::kReady};
};

}  // namespace parley_bench

#endif  // PARLEY_BENCH_GRPC_TWIN_WRITE_GATE_H_
