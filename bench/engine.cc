// The engine's loop: see engine.h.

#include "engine.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/time/time.h"
#include "latencies.h"
#include "payload.h"

namespace parley_bench {

Engine::Engine(absl::Duration step, Around around)
    : around_(std::move(around)),
      thread_([this, step](const std::stop_token& stop) { Run(stop, step); }) {}

void Engine::Add(std::shared_ptr<Generation> generation, std::uint32_t count,
                 std::size_t text_bytes) {
  std::unique_lock lock(mutex_);
  if (stopped_) {
    lock.unlock();
    return generation->Abandon();
  }
  arrived_.push_back({std::move(generation), count, std::max(text_bytes, kTimedTextBytes)});
  if (arrived_.size() == 1) wake_.notify_one();
}

void Engine::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Engine::Run(const std::stop_token& stop, absl::Duration step) {
  std::list<Open> live;
  auto next = std::chrono::steady_clock::now();
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      if (live.empty()) wake_.wait(lock, stop, [this] { return !arrived_.empty(); });
      wake_.wait_until(lock, stop, next, [] { return false; });
      live.splice(live.end(), arrived_);
    }
    // A step that took too long delays the next ones: no model makes two at a time.
    next = std::max(next + absl::ToChronoNanoseconds(step), std::chrono::steady_clock::now());
    const auto writes = [&] { live.remove_if([this](Open& open) { return Step(open); }); };
    around_ != nullptr ? around_(writes) : writes();
  }
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    live.splice(live.end(), arrived_);
  }
  for (Open& open : live) open.generation->Abandon();
}

bool Engine::Step(Open& open) {
  const bool silent = open.count == 0;
  if (silent && open.sent > 0) return false;
  const bool last = open.sent + 1 == open.count;
  FillTimedText(open.sent, NowNanoseconds(), open.text_bytes, text_);
  const Generation::Written written = open.generation->TryWrite(text_, last);
  if (written == Generation::Written::kYes) ++open.sent;
  return written == Generation::Written::kGone || (written == Generation::Written::kYes && last);
}

}  // namespace parley_bench
