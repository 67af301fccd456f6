#include "src/model/batch_machine.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace parley::detail {

absl::Status BatchMachine::Check(const BatchOptions& options) {
  if (options.max_batch_size == 0) {
    return absl::InvalidArgumentError("max_batch_size is 0: a batch has at least one item");
  }
  for (const std::size_t size : options.preferred_batch_sizes) {
    if (size == 0 || size > options.max_batch_size) {
      return absl::InvalidArgumentError(absl::StrCat("a preferred batch size of ", size,
                                                     " is not in 1 to max_batch_size, which is ",
                                                     options.max_batch_size));
    }
  }
  if (options.max_queue_delay < absl::ZeroDuration()) {
    return absl::InvalidArgumentError("max_queue_delay is negative");
  }
  if (options.queue_timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("queue_timeout is not positive: no request would ever run");
  }
  if (options.instances == 0) {
    return absl::InvalidArgumentError("instances is 0: nothing would ever run");
  }
  if (options.default_priority == 0 || options.default_priority > options.priority_levels) {
    return absl::InvalidArgumentError(absl::StrCat("default_priority ", options.default_priority,
                                                   " is not in 1 to priority_levels, which is ",
                                                   options.priority_levels));
  }
  if (options.max_queued_requests == 0) {
    return absl::InvalidArgumentError("max_queued_requests is 0: every request would be refused");
  }
  return absl::OkStatus();
}

absl::StatusOr<BatchMachine::Ticket> BatchMachine::Add(Request request, absl::Time now) {
  if (request.items == 0 || request.items > options_.max_batch_size) {
    return absl::InvalidArgumentError(absl::StrCat("a request of ", request.items,
                                                   " items, where a batch has 1 to ",
                                                   options_.max_batch_size));
  }
  if (request.priority > options_.priority_levels) {
    return absl::InvalidArgumentError(absl::StrCat(
        "priority ", request.priority, " is beyond the lowest, ", options_.priority_levels));
  }
  request.expiry = std::min(request.expiry, now + options_.queue_timeout);
  if (request.expiry <= now) {
    return absl::DeadlineExceededError("the deadline passed before the request was queued");
  }
  if (queue_.size() >= options_.max_queued_requests) {
    return absl::ResourceExhaustedError(
        absl::StrCat(queue_.size(), " requests wait for the model, which takes no more than ",
                     options_.max_queued_requests));
  }
  // One that is larger than all that may wait is admitted when nothing waits.
  if (!queue_.empty() && queued_bytes_ + request.bytes > options_.max_queued_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(queued_bytes_, " bytes wait for the model; with ", request.bytes,
                     " more they would be over the limit of ", options_.max_queued_bytes));
  }
  const Ticket ticket{request.priority == 0 ? options_.default_priority : request.priority,
                      next_++};
  queued_bytes_ += request.bytes;
  if (request.expiry != absl::InfiniteFuture()) expiries_.emplace(request.expiry, ticket);
  if (options_.preserve_ordering) in_order_.push_back({ticket});
  queue_.emplace(ticket, Waiting{std::move(request), now});
  return ticket;
}

bool BatchMachine::IsPreferred(std::size_t items) const {
  const std::vector<std::size_t>& sizes = options_.preferred_batch_sizes;
  return std::find(sizes.begin(), sizes.end(), items) != sizes.end();
}

void BatchMachine::Extend(Candidate& candidate, Ticket ticket, const Waiting& waiting) const {
  if (candidate.full) return;
  if (waiting.request.items > options_.max_batch_size - candidate.items) {
    candidate.full = true;  // later ones might fit, but would overtake this one
    return;
  }
  candidate.tickets.push_back(ticket);
  candidate.items += waiting.request.items;
  candidate.oldest = std::min(candidate.oldest, waiting.since);
  candidate.full = candidate.items == options_.max_batch_size;
  if (IsPreferred(candidate.items)) candidate.preferred = candidate.tickets.size();
}

BatchMachine::Tickets BatchMachine::Take(absl::Time now) {
  next_batch_ = absl::InfiniteFuture();
  // As a rule there is one kind, and what comes first is due.
  std::vector<Candidate> candidates;
  for (const auto& [ticket, waiting] : queue_) {
    if (waiting.request.expiry <= now) continue;  // for Expire
    auto same = std::find_if(candidates.begin(), candidates.end(),
                             [&, &request = waiting.request](const Candidate& each) {
                               return *each.kind == request.kind;
                             });
    if (same == candidates.end()) {
      same = candidates.insert(same, Candidate{&waiting.request.kind, {}});
    }
    Extend(*same, ticket, waiting);
    if (candidates.front().full) break;
  }
  for (Candidate& candidate : candidates) {
    const absl::Time due = candidate.oldest + options_.max_queue_delay;
    if (!candidate.full && candidate.preferred > 0) {
      candidate.tickets.resize(candidate.preferred);
    } else if (!candidate.full && due > now) {
      next_batch_ = std::min(next_batch_, due);
      continue;
    }
    for (const Ticket& ticket : candidate.tickets) Remove(queue_.find(ticket));
    return std::move(candidate.tickets);
  }
  return {};
}

BatchMachine::Tickets BatchMachine::Expire(absl::Time now) {
  Tickets expired;
  while (!expiries_.empty() && expiries_.begin()->first <= now) {
    expired.push_back(expiries_.begin()->second);
    Remove(queue_.find(expired.back()));
  }
  return expired;
}

bool BatchMachine::Cancel(Ticket ticket) {
  const auto waiting = queue_.find(ticket);
  if (waiting == queue_.end()) return false;
  Remove(waiting);
  return true;
}

void BatchMachine::Remove(Queue::iterator waiting) {
  const Request& request = waiting->second.request;
  queued_bytes_ -= request.bytes;
  expiries_.erase({request.expiry, waiting->first});
  queue_.erase(waiting);
}

BatchMachine::Tickets BatchMachine::End(Ticket ticket) {
  if (!options_.preserve_ordering) return {ticket};
  const auto place = std::lower_bound(
      in_order_.begin(), in_order_.end(), ticket.number,
      [](const Unanswered& each, std::uint64_t number) { return each.ticket.number < number; });
  place->ended = true;
  Tickets answerable;
  while (!in_order_.empty() && in_order_.front().ended) {
    answerable.push_back(in_order_.front().ticket);
    in_order_.pop_front();
  }
  return answerable;
}

absl::Time BatchMachine::NextExpiry() const {
  return expiries_.empty() ? absl::InfiniteFuture() : expiries_.begin()->first;
}

}  // namespace parley::detail
