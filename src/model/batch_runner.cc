#include "parley/detail/batch_runner.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/exchange/logger.h"
#include "src/model/batch_machine.h"
#include "src/thrown.h"

namespace parley::detail {

class BatchRunner::State : public std::enable_shared_from_this<State> {
 public:
  State(BatchOptions options, Run run, Log log)
      : instances_(options.instances),
        ordered_(options.preserve_ordering),
        run_(std::move(run)),
        log_(std::move(log)),
        machine_(std::move(options)) {}

  void Start() {
    for (std::size_t i = 0; i < instances_; ++i) threads_.emplace_back([this] { Instance(); });
    threads_.emplace_back([this] { WatchTime(); });
  }
  void Stop();
  void Submit(std::unique_ptr<BatchJob> job, BatchTerms terms);

 private:
  using Lock = std::unique_lock<std::mutex>;
  using Ticket = BatchMachine::Ticket;
  using Tickets = BatchMachine::Tickets;

  struct Cancellation {
    std::weak_ptr<State> state;
    Ticket ticket;
    void operator()() const {
      if (const std::shared_ptr<State> runner = state.lock()) runner->Cancel(ticket);
    }
  };
  // Destroyed without the lock: its cancellation may be waiting for that on another thread.
  struct Entry {
    std::unique_ptr<BatchJob> job;
    std::optional<std::stop_callback<Cancellation>> cancellation;
  };

  void Instance();
  void WatchTime();
  void RunBatch(Lock& lock, const Tickets& batch);
  void Cancel(Ticket ticket);
  // Fails what waits no more, and gives the answers that may be given. Gives up the lock meanwhile.
  void Fail(Lock& lock, const Tickets& tickets, const absl::Status& status);
  void End(Lock& lock, const Tickets& tickets);
  // Until somebody notifies, or that time.
  static void Wait(std::condition_variable& changed, Lock& lock, absl::Time until);

  const std::size_t instances_;
  const bool ordered_;
  const Run run_;
  Logger log_;
  std::vector<std::thread> threads_;

  std::mutex mutex_;
  BatchMachine machine_;
  std::map<Ticket, std::shared_ptr<Entry>> entries_;  // until their answers are given
  std::vector<std::shared_ptr<Entry>> answered_;  // whose answers are to be given, in this order
  std::size_t delivering_ = 0;                    // threads that give answers
  std::condition_variable delivered_;
  std::condition_variable work_;                 // for an instance that has nothing to do
  std::condition_variable time_;                 // for who watches it
  absl::Time watched_ = absl::InfiniteFuture();  // the time that is waited for
  bool stopping_ = false;
};

void BatchRunner::State::Wait(std::condition_variable& changed, Lock& lock, absl::Time until) {
  if (until == absl::InfiniteFuture()) return changed.wait(lock);
  // Near enough for the clock's arithmetic.
  const absl::Duration wait = std::min(until - absl::Now(), absl::Hours(1));
  if (wait > absl::ZeroDuration()) changed.wait_for(lock, absl::ToChronoNanoseconds(wait));
}

void BatchRunner::State::Submit(std::unique_ptr<BatchJob> job, BatchTerms terms) {
  Lock lock(mutex_);
  absl::StatusOr<Ticket> ticket = absl::UnavailableError("the batcher is shutting down");
  if (!stopping_) {
    ticket = machine_.Add({.items = terms.items,
                           .bytes = terms.bytes,
                           .priority = terms.priority,
                           .kind = std::move(terms.kind),
                           .expiry = terms.deadline},
                          absl::Now());
  }
  if (!ticket.ok()) {
    lock.unlock();
    job->Fail(ticket.status());
    return job->Deliver();
  }
  const auto entry = std::make_shared<Entry>();
  entry->job = std::move(job);
  entries_.emplace(*ticket, entry);
  if (machine_.NextExpiry() < watched_) time_.notify_one();
  lock.unlock();
  work_.notify_one();
  if (terms.stop.stop_possible()) {
    entry->cancellation.emplace(std::move(terms.stop), Cancellation{weak_from_this(), *ticket});
  }
}

void BatchRunner::State::Instance() {
  Lock lock(mutex_);
  while (true) {
    const Tickets batch = machine_.Take(absl::Now());
    if (!batch.empty()) {
      RunBatch(lock, batch);
    } else if (stopping_) {
      return;
    } else {
      Wait(work_, lock, machine_.NextBatch());
    }
  }
}

void BatchRunner::State::RunBatch(Lock& lock, const Tickets& batch) {
  // What is left may be due for another instance, now or soon.
  if (machine_.queued_requests() > 0) work_.notify_one();
  std::vector<BatchJob*> jobs;
  for (const Ticket& ticket : batch) jobs.push_back(entries_.at(ticket)->job.get());
  lock.unlock();
  const std::optional<std::string> thrown = ThrownBy([&] { run_(jobs); });
  if (thrown) {
    log_(Severity::kError, absl::StrCat("the model threw: ", *thrown));
    for (BatchJob* job : jobs) job->Fail(absl::InternalError("the model failed"));
  }
  lock.lock();
  End(lock, batch);
}

void BatchRunner::State::WatchTime() {
  Lock lock(mutex_);
  while (!stopping_) {
    const Tickets expired = machine_.Expire(absl::Now());
    if (!expired.empty()) {
      Fail(lock, expired, absl::DeadlineExceededError("the request has waited for too long"));
      continue;
    }
    watched_ = machine_.NextExpiry();
    Wait(time_, lock, watched_);
  }
}

void BatchRunner::State::Cancel(Ticket ticket) {
  Lock lock(mutex_);
  if (!machine_.Cancel(ticket)) return;
  Fail(lock, {ticket}, absl::CancelledError("the request was cancelled before it ran"));
}

void BatchRunner::State::Fail(Lock& lock, const Tickets& tickets, const absl::Status& status) {
  work_.notify_one();  // without them the others may be due
  for (const Ticket& ticket : tickets) entries_.at(ticket)->job->Fail(status);
  End(lock, tickets);
}

void BatchRunner::State::End(Lock& lock, const Tickets& tickets) {
  for (const Ticket& ticket : tickets) {
    for (const Ticket& due : machine_.End(ticket)) {
      answered_.push_back(std::move(entries_.extract(due).mapped()));
    }
  }
  // One thread alone keeps the order; it goes on with what others have added.
  if (ordered_ && delivering_ > 0) return;
  ++delivering_;
  while (!answered_.empty()) {
    std::vector<std::shared_ptr<Entry>> answered = std::exchange(answered_, {});
    lock.unlock();
    for (const std::shared_ptr<Entry>& entry : answered) entry->job->Deliver();
    answered.clear();
    lock.lock();
  }
  if (--delivering_ == 0) delivered_.notify_all();
}

void BatchRunner::State::Stop() {
  {
    Lock lock(mutex_);
    stopping_ = true;
    Tickets waiting;
    for (const auto& [ticket, entry] : entries_) {
      if (machine_.Cancel(ticket)) waiting.push_back(ticket);
    }
    Fail(lock, waiting, absl::UnavailableError("the batcher is shutting down"));
    work_.notify_all();
    time_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  // Somebody who requested a stop may still be at it.
  Lock lock(mutex_);
  delivered_.wait(lock, [this] { return delivering_ == 0; });
}

absl::StatusOr<std::unique_ptr<BatchRunner>> BatchRunner::Start(BatchOptions options, Run run,
                                                                Log log) {
  if (absl::Status status = BatchMachine::Check(options); !status.ok()) return status;
  auto state = std::make_shared<State>(std::move(options), std::move(run), std::move(log));
  state->Start();
  return std::unique_ptr<BatchRunner>(new BatchRunner(std::move(state)));
}

BatchRunner::BatchRunner(std::shared_ptr<State> state) : state_(std::move(state)) {}

BatchRunner::~BatchRunner() { state_->Stop(); }

void BatchRunner::Submit(std::unique_ptr<BatchJob> job, BatchTerms terms) {
  state_->Submit(std::move(job), std::move(terms));
}

}  // namespace parley::detail
