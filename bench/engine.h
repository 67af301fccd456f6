// A model's engine in place of a model: one thread that makes one token for every open generation
// in each step. Used by every server, so that what differs is only how a token is sent.

#ifndef PARLEY_BENCH_ENGINE_H_
#define PARLEY_BENCH_ENGINE_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"

namespace parley_bench {

// An open call that wants tokens, as one API sends them. Only the engine's thread calls it.
class Generation {
 public:
  enum class Written { kYes, kNotNow, kGone };

  virtual ~Generation() = default;
  // Sends the next token, and if it is the last ends the call with OK. Never blocks. kNotNow: the
  // reader is slow, or the token before is still on its way. kGone: the caller left, and the engine
  // lets go of the generation.
  virtual Written TryWrite(std::string_view text, bool last) = 0;
  // Ends the call as it is: the engine stops.
  virtual void Abandon() = 0;
};

// Makes tokens from its construction to its destruction.
//
// Threads:  safe. Add never waits for a step.
class Engine {
 public:
  // What surrounds the writes of a step, if anything does: it calls what it is given.
  using Around = std::function<void(absl::FunctionRef<void()> writes)>;

  explicit Engine(absl::Duration step, Around around = nullptr);
  ~Engine() { Stop(); }

  // `count` tokens of `text_bytes` each; one if `count` is 0, and then none until the engine stops.
  void Add(std::shared_ptr<Generation> generation, std::uint32_t count, std::size_t text_bytes);

  // Abandons what is open, and what is added from now on.
  void Stop();

 private:
  struct Open {
    std::shared_ptr<Generation> generation;
    std::uint32_t count;
    std::size_t text_bytes;
    std::uint32_t sent = 0;
  };

  void Run(const std::stop_token& stop, absl::Duration step);
  // Returns whether the generation has ended.
  bool Step(Open& open);

  const Around around_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::list<Open> arrived_;
  bool stopped_ = false;
  std::string text_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace parley_bench

#endif  // PARLEY_BENCH_ENGINE_H_
