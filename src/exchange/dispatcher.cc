#include "src/exchange/dispatcher.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "src/exchange/incoming_call.h"
#include "src/thrown.h"

namespace parley::detail {

thread_local const Dispatcher* Dispatcher::running_ = nullptr;

Dispatcher::Dispatcher(std::shared_ptr<Runtime> runtime, ServerOptions options)
    : runtime_(std::move(runtime)), options_(std::move(options)) {}

absl::Status Dispatcher::Add(Handler handler, bool internal) {
  const std::string& path = handler.path;
  const std::size_t slash = path.find('/');
  const bool well_formed =
      slash != std::string::npos && slash > 0 && slash + 1 < path.size() &&
      path.find('/', slash + 1) == std::string::npos &&
      std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!well_formed) {
    return absl::InvalidArgumentError(
        absl::StrCat("the method path \"", path, "\" is not of the form package.Service/Method"));
  }
  const std::string key = path;
  std::unique_ptr<Method> method(new Method{std::move(handler), internal});
  if (!methods_.try_emplace(key, std::move(method)).second) {
    return absl::InvalidArgumentError(absl::StrCat("the method ", key, " is registered twice"));
  }
  return absl::OkStatus();
}

std::vector<Dispatcher::Method*> Dispatcher::Methods() const {
  std::vector<Method*> methods;
  for (const auto& [path, method] : methods_) methods.push_back(method.get());
  return methods;
}

std::vector<std::string> Dispatcher::Services() const {
  std::vector<std::string> services;
  for (const auto& [path, method] : methods_) {
    if (!method->internal) services.push_back(path.substr(0, path.find('/')));
  }
  std::sort(services.begin(), services.end());
  services.erase(std::unique(services.begin(), services.end()), services.end());
  return services;
}

Dispatcher::Method* Dispatcher::Find(std::string_view path) const {
  const auto found = methods_.find(absl::string_view(path.data(), path.size()));
  return found == methods_.end() ? nullptr : found->second.get();
}

absl::Status Dispatcher::Accept(IncomingCall& call, Method* method) {
  if (method == nullptr) {
    return absl::UnimplementedError(absl::StrCat("unknown method ", std::string(call.method())));
  }
  {
    std::unique_lock lock(mutex_);
    if (!accepting_.ok()) return accepting_;
    if (live_ >= options_.max_live_calls) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the server has ", live_, " live calls and takes no more than ",
                       options_.max_live_calls, " (max_live_calls)"));
    }
    ++live_;
    call.next_live_ = first_live_;
    if (first_live_ != nullptr) first_live_->previous_live_ = &call;
    first_live_ = &call;
    external_ += method->internal ? 0 : 1;
    call.served_by_ = method;
  }
  return options_.authorize ? Authorize(call) : absl::OkStatus();
}

absl::Status Dispatcher::Authorize(IncomingCall& call) {
  const std::string peer = call.peer();
  const std::vector<std::string> identities = call.PeerIdentities();
  absl::Status allowed = absl::InternalError("the call could not be authorized");
  const std::optional<std::string> thrown = ThrownBy([&] {
    allowed = options_.authorize(
        {call.method(), peer, call.deadline(), call.RequestMetadata(), identities});
  });
  if (thrown) runtime_->log(Severity::kError, absl::StrCat("authorize threw: ", *thrown));
  return allowed;
}

void Dispatcher::Forget(IncomingCall& call) {
  if (call.served_by_ == nullptr) return;
  std::unique_lock lock(mutex_);
  --live_;
  if (call.next_live_ != nullptr) call.next_live_->previous_live_ = call.previous_live_;
  (call.previous_live_ != nullptr ? call.previous_live_->next_live_ : first_live_) =
      call.next_live_;
  external_ -= call.served_by_->internal ? 0 : 1;
  if (external_ == 0) idle_.notify_all();
}

// A handler's run that waits for a thread; small enough for a task to hold it without an
// allocation.
class Dispatcher::QueuedRun {
 public:
  explicit QueuedRun(std::shared_ptr<IncomingCall> call) : call_(std::move(call)) {}
  QueuedRun(QueuedRun&&) noexcept = default;
  ~QueuedRun() {
    if (call_ == nullptr) return;
    call_->Cancel(absl::UnavailableError("the handler's executor dropped the call"));
  }
  void operator()() {
    const std::shared_ptr<IncomingCall> call = std::move(call_);
    call->dispatcher_->Invoke(call);
  }

 private:
  std::shared_ptr<IncomingCall> call_;
};

void Dispatcher::Run(std::shared_ptr<IncomingCall> call, bool here) {
  if (here) return Invoke(call);
  TaskHistory* history = call->served_by_->history.get();
  runtime_->Post(QueuedRun(std::move(call)), history);
}

void Dispatcher::Invoke(const std::shared_ptr<IncomingCall>& call) {
  const Handler& handler = call->served_by_->handler;
  Payload request;
  if (handler.one_request()) {
    std::optional<Payload> message = call->TakeRequest();
    if (!message) return;
    request = *std::move(message);
  } else if (call->abandoned()) {
    return;
  }
  if (call->deadline() <= absl::Now()) {
    return call->Finish(absl::DeadlineExceededError("the deadline passed before the handler ran"),
                        std::nullopt);
  }
  const Dispatcher* const outer = std::exchange(running_, this);
  try {
    handler.run(call, std::move(request));
  } catch (...) {
    FinishThrown(*call, std::current_exception());
  }
  running_ = outer;
}

void Dispatcher::Accepting(absl::Status status) {
  std::unique_lock lock(mutex_);
  accepting_ = std::move(status);
}

bool Dispatcher::WaitUntilIdle(Calls calls, absl::FunctionRef<absl::Time()> deadline) {
  const std::size_t& alive = calls == Calls::kAll ? live_ : external_;
  std::unique_lock lock(mutex_);
  while (alive > 0) {
    const std::uint64_t seen = rechecks_;
    lock.unlock();
    // Far enough to be as good as infinite, near enough for the clock.
    const absl::Duration wait = std::min(deadline() - absl::Now(), absl::Hours(1));
    lock.lock();
    if (wait <= absl::ZeroDuration()) break;
    idle_.wait_for(lock, absl::ToChronoNanoseconds(wait),
                   [&] { return alive == 0 || rechecks_ != seen; });
  }
  return alive == 0;
}

void Dispatcher::Recheck() {
  std::unique_lock lock(mutex_);
  ++rechecks_;
  idle_.notify_all();
}

void Dispatcher::CancelAll(const absl::Status& status) {
  std::vector<std::shared_ptr<Call>> calls;
  {
    std::unique_lock lock(mutex_);
    for (IncomingCall* call = first_live_; call != nullptr; call = call->next_live_) {
      // A call whose last reference has just gone is on its way to Forget.
      if (std::shared_ptr<Call> shared = call->weak_from_this().lock()) {
        calls.push_back(std::move(shared));
      }
    }
  }
  for (const std::shared_ptr<Call>& call : calls) call->Cancel(status);
}

std::string Dispatcher::LiveMethods(Calls calls) {
  std::map<std::string, int> counts;
  std::unique_lock lock(mutex_);
  for (const IncomingCall* call = first_live_; call != nullptr; call = call->next_live_) {
    const bool counts_too = calls == Calls::kAll || !call->served_by_->internal;
    if (counts_too) ++counts[call->served_by_->handler.path];
  }
  return absl::StrJoin(counts, ", ", [](std::string* out, const auto& count) {
    absl::StrAppend(out, count.first, " (", count.second, ")");
  });
}

// Declared in parley/detail/invocation.h.
void FinishThrown(Exchange& exchange, std::exception_ptr thrown) {
  exchange.Log(Severity::kError, absl::StrCat("the handler of ", std::string(exchange.method()),
                                              " threw: ", WhatOf(thrown)));
  exchange.Finish(absl::InternalError("the handler failed"), std::nullopt);
}

}  // namespace parley::detail
