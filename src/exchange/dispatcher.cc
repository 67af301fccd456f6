#include "src/exchange/dispatcher.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "src/exchange/incoming_call.h"

namespace parley::detail {

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
  auto method = std::make_unique<Method>(std::move(handler), internal);
  if (!methods_.try_emplace(key, std::move(method)).second) {
    return absl::InvalidArgumentError(absl::StrCat("the method ", key, " is registered twice"));
  }
  return absl::OkStatus();
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

absl::Status Dispatcher::Accept(IncomingCall& call) {
  const std::string_view path = call.method();
  const auto found = methods_.find(absl::string_view(path.data(), path.size()));
  if (found == methods_.end()) {
    return absl::UnimplementedError(absl::StrCat("unknown method ", std::string(call.method())));
  }
  Method& method = *found->second;
  {
    std::unique_lock lock(mutex_);
    if (!accepting_.ok()) return accepting_;
    if (live_.size() >= options_.max_live_calls) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the server has ", live_.size(), " live calls and takes no more than ",
                       options_.max_live_calls, " (max_live_calls)"));
    }
    live_.insert(&call);
    external_ += method.internal ? 0 : 1;
    call.served_by_ = &method;
  }
  if (options_.authorize) {
    const std::string peer = call.peer();
    const std::vector<std::string> identities = call.PeerIdentities();
    return options_.authorize(
        {call.method(), peer, call.deadline(), call.RequestMetadata(), identities});
  }
  return absl::OkStatus();
}

void Dispatcher::Forget(IncomingCall& call) {
  if (call.served_by_ == nullptr) return;
  std::unique_lock lock(mutex_);
  live_.erase(&call);
  if (!call.served_by_->internal && --external_ == 0) idle_.notify_all();
}

void Dispatcher::Run(std::shared_ptr<IncomingCall> call, bool here) {
  if (here) return Invoke(call);
  TaskHistory* history = &call->served_by_->history;
  runtime_->Post([this, call = std::move(call)] { Invoke(call); }, history);
}

void Dispatcher::Invoke(const std::shared_ptr<IncomingCall>& call) {
  if (call->abandoned()) return;
  if (call->deadline() <= absl::Now()) {
    return call->Finish(absl::DeadlineExceededError("the deadline passed before the handler ran"),
                        std::nullopt);
  }
  const Handler& handler = call->served_by_->handler;
  const bool one_request =
      handler.kind == MethodKind::kUnary || handler.kind == MethodKind::kServerStreaming;
  Payload request;
  if (one_request) {
    std::optional<Payload> message = call->Take();
    if (!message) return;  // cancelled since
    request = *std::move(message);
  }
  try {
    handler.run(call, std::move(request));
  } catch (...) {
    FinishThrown(*call, std::current_exception());
  }
}

void Dispatcher::Accepting(absl::Status status) {
  std::unique_lock lock(mutex_);
  accepting_ = std::move(status);
}

bool Dispatcher::WaitUntilIdle(absl::Time deadline) {
  std::unique_lock lock(mutex_);
  const auto idle = [&] { return external_ == 0; };
  if (deadline == absl::InfiniteFuture()) {
    idle_.wait(lock, idle);
    return true;
  }
  const absl::Duration wait = std::max(deadline - absl::Now(), absl::ZeroDuration());
  return idle_.wait_for(lock, absl::ToChronoNanoseconds(wait), idle);
}

void Dispatcher::CancelAll(const absl::Status& status) {
  std::vector<std::shared_ptr<Call>> calls;
  {
    std::unique_lock lock(mutex_);
    for (IncomingCall* call : live_) {
      // A call whose last reference has just gone is on its way to Forget.
      if (std::shared_ptr<Call> shared = call->weak_from_this().lock()) {
        calls.push_back(std::move(shared));
      }
    }
  }
  for (const std::shared_ptr<Call>& call : calls) call->Cancel(status);
}

std::string Dispatcher::LiveMethods() {
  std::map<std::string, int> counts;
  std::unique_lock lock(mutex_);
  for (const IncomingCall* call : live_) {
    if (!call->served_by_->internal) ++counts[call->served_by_->handler.path];
  }
  return absl::StrJoin(counts, ", ", [](std::string* out, const auto& count) {
    absl::StrAppend(out, count.first, " (", count.second, ")");
  });
}

// Declared in parley/detail/handler.h.
void FinishThrown(Exchange& exchange, std::exception_ptr thrown) {
  std::string what = "an exception that is not a std::exception";
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& exception) {
    what = exception.what();
  } catch (...) {
  }
  exchange.Log(Severity::kError,
               absl::StrCat("the handler of ", std::string(exchange.method()), " threw: ", what));
  exchange.Finish(absl::InternalError("the handler failed"), std::nullopt);
}

}  // namespace parley::detail
