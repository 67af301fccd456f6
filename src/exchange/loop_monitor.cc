// The monitor's part of the loop: looks, now and then, whether the leader is at a task that takes long,
// or whether events may come that nobody waits for.
#include <chrono>
#include <cstdint>
#include <optional>

#include "src/exchange/loop.h"

namespace parley::detail {
namespace {

// How many quick runs make a kind of task quick again.
constexpr int kSlowRuns = 64;

using Clock = std::chrono::steady_clock;

}  // namespace

// Of a task that takes long while its thread could go on.
struct Loop::Suspicion {
  std::uint64_t step = 0;
  std::chrono::nanoseconds cpu_time{};  // of the thread, when it was first seen
};

void Loop::WakeMonitor(Watch least) {
  if (monitor_ == nullptr) {
    WakeWorker();
  } else if (watch_ < least) {
    watch_ = least;
    monitor_sleep_.Disturb();
  }
}

void Loop::Monitor(Lock& lock, Worker& self) {
  monitor_ = &self;
  watch_ = Watch::kOften;
  LookPace pace;
  Suspicion suspicion;
  std::uint64_t seen = steps_;
  while (!stopping_ && !source_ended_) {
    const Watch watch = watch_;
    lock.unlock();
    const auto since = Clock::now();
    // A leader that goes from task to task is as it should be, and left alone: no lock.
    while (!monitor_sleep_.Sleep(pace.UntilNextLook(watch)) && watch == Watch::kOften &&
           !pace.DozesWith(FoundLeader()) && steps_.load(std::memory_order_relaxed) != seen &&
           leader_ran_.exchange(false, std::memory_order_relaxed)) {
      seen = steps_.load(std::memory_order_relaxed);
      pace.FoundWork(leader_runs_.load(std::memory_order_relaxed));
    }
    lock.lock();
    const bool same = steps_ == seen;
    seen = steps_;
    if (watch_ != watch) {  // woken to look more often, from now on
      pace.Woken(Clock::now() - since);
      continue;
    }
    if (same && leader_runs_) {
      if (LacksCore(lock, suspicion)) {
        pace.LookAgainSoon();
        continue;
      }
      if (steps_ != seen || !leader_runs_) continue;
      TakeLead();
      break;
    }
    if (LeadIsFree() && PoolMustLead() && (same || !lead_is_lent_)) {
      TakeBackLead();
      break;
    }
    if (same && LeftAlone()) {
      TakeBackLead();
      pool_leads_ = true;
      break;
    }
    const bool ran = leader_ran_.exchange(false, std::memory_order_relaxed);
    watch_ = pace.Found(FoundLeader(), watch == Watch::kOften ? ran : !same, watch);
  }
  monitor_ = nullptr;
  if (!stopping_) WakeWorker();  // somebody must be the next monitor
}

// On a machine with more to do than cores, a leader that was interrupted may be without one for some
// milliseconds. Another thread would not get one sooner, and then two would do the work of one.
bool Loop::LacksCore(Lock& lock, Suspicion& suspicion) {
  const ThreadWatch watch = static_cast<Worker*>(leader_.load())->watch;
  const std::uint64_t step = steps_;
  lock.unlock();
  const bool runnable = watch.IsRunnable();
  const std::optional<std::chrono::nanoseconds> cpu_time = watch.CpuTime();
  lock.lock();
  if (!runnable || !cpu_time) return false;
  if (suspicion.step != step) suspicion = {step, *cpu_time};
  return *cpu_time - suspicion.cpu_time < LookPace::kGlance;
}

// The leader's task takes long: lead in its place, and keep tasks like it away from leaders.
void Loop::TakeLead() {
  Worker* const leader = static_cast<Worker*>(leader_.load());
  if (TaskHistory* running = leader->running) running->slow = kSlowRuns;
  leader_ = nullptr;
  SetLeaderRuns(false);
  GiveTasksAway(*leader);
  pool_leads_ = true;
}

}  // namespace parley::detail
