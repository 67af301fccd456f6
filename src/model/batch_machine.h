// Which of the requests that wait make the next batch, and in which order they are answered: the rules
// of BatchOptions as a state machine without threads or a clock. Whoever drives it says what time it is,
// and has the requests themselves.
#ifndef PARLEY_SRC_MODEL_BATCH_MACHINE_H_
#define PARLEY_SRC_MODEL_BATCH_MACHINE_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "parley/model/batch_options.h"

namespace parley::detail {

// Threads:  external synchronisation.
class BatchMachine {
 public:
  struct Request {
    std::size_t items = 1;
    std::size_t bytes = 0;     // of memory that it holds while it waits
    std::size_t priority = 0;  // 0: the default
    std::string kind = "";     // only requests of one kind share a batch
    // When it is not to begin any more, in addition to BatchOptions::queue_timeout.
    absl::Time expiry = absl::InfiniteFuture();
  };
  // Names a request from Add until it is answered; they are in the order in which requests are taken.
  struct Ticket {
    std::size_t priority = 0;
    std::uint64_t number = 0;
    friend auto operator<=>(const Ticket&, const Ticket&) = default;
  };
  using Tickets = std::vector<Ticket>;

  // INVALID_ARGUMENT for options that make no sense, saying which.
  static absl::Status Check(const BatchOptions& options);
  // REQUIRES: Check(options) is OK
  explicit BatchMachine(BatchOptions options) : options_(std::move(options)) {}

  // Errors:   INVALID_ARGUMENT for no items, more than a batch has, or a priority that there is not;
  //           RESOURCE_EXHAUSTED if too much waits; DEADLINE_EXCEEDED for one that has expired. Each
  //           names both numbers. One that was refused has no ticket and no answer.
  absl::StatusOr<Ticket> Add(Request request, absl::Time now);

  // An instance is free. What it is to run; nothing if nothing is due. None of it has expired.
  Tickets Take(absl::Time now);
  // What has waited for too long: it is out of the queue, and its driver ends it.
  Tickets Expire(absl::Time now);
  // Takes a request out of the queue, for its driver to end. False if it waits no more: it runs, or has
  // ended.
  bool Cancel(Ticket ticket);

  // The request has an answer, whichever way it came to it. Returns those whose answers may be given
  // now, in this order.
  Tickets End(Ticket ticket);

  // When to Take, with a free instance, or to Expire if nothing happens before. Take must have returned
  // nothing since the last Add or Cancel, if an instance is free.
  absl::Time NextBatch() const { return next_batch_; }
  absl::Time NextExpiry() const;

  std::size_t queued_requests() const { return queue_.size(); }
  std::size_t queued_bytes() const { return queued_bytes_; }

 private:
  struct Waiting {
    Request request;
    absl::Time since;
  };
  using Queue = std::map<Ticket, Waiting>;
  // Those that wait of one kind, as far as they fit into one batch.
  struct Candidate {
    const std::string* kind;
    Tickets tickets;
    std::size_t items = 0;
    std::size_t preferred = 0;  // how many of them make the largest preferred size
    absl::Time oldest = absl::InfiniteFuture();
    bool full = false;  // the next one would not fit
  };

  void Extend(Candidate& candidate, Ticket ticket, const Waiting& waiting) const;
  bool IsPreferred(std::size_t items) const;
  void Remove(Queue::iterator waiting);

  const BatchOptions options_;
  Queue queue_;
  std::size_t queued_bytes_ = 0;
  std::set<std::pair<absl::Time, Ticket>> expiries_;  // of those that wait and have one
  absl::Time next_batch_ = absl::InfiniteFuture();
  std::uint64_t next_ = 1;
  struct Unanswered {
    Ticket ticket;
    bool ended = false;
  };
  std::deque<Unanswered> in_order_;  // by number, if that is the order of answers
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_MODEL_BATCH_MACHINE_H_
