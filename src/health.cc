#include "src/health.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace parley::detail {
namespace {

// Of a name that a client made up.
constexpr std::size_t kMostShown = 128;

HealthCheckResponse ResponseOf(ServingStatus status) {
  HealthCheckResponse response;
  response.set_value(static_cast<int>(status));
  return response;
}

}  // namespace

std::shared_ptr<Health> Health::AddTo(Dispatcher& dispatcher) {
  auto health = std::make_shared<Health>();
  health->services_ = dispatcher.Services();
  health->services_.push_back("");
  health->runtime_ = dispatcher.runtime();
  // A handler may still be on its way out when the server is gone.
  dispatcher
      .Add(MakeHandler(Check{"grpc.health.v1.Health/Check"},
                       [self = health](Context&, const HealthCheckRequest& request)
                           -> absl::StatusOr<HealthCheckResponse> {
                         const auto status = self->StatusOf(request.value());
                         if (status) return ResponseOf(*status);
                         return absl::NotFoundError(absl::StrCat(
                             "unknown service \"", request.value().substr(0, kMostShown), "\""));
                       }),
           true)
      .IgnoreError();
  dispatcher
      .Add(MakeHandler(
               Watch{"grpc.health.v1.Health/Watch"},
               [self = health](ServerCall<Watch> call) { self->StartWatch(std::move(call)); }),
           true)
      .IgnoreError();
  return health;
}

std::optional<ServingStatus> Health::StatusOf(const std::string& service) {
  std::unique_lock lock(mutex_);
  if (std::find(services_.begin(), services_.end(), service) == services_.end()) {
    return std::nullopt;
  }
  return serving_ ? ServingStatus::kServing : ServingStatus::kNotServing;
}

void Health::StartWatch(ServerCall<Watch> call) {
  const ServingStatus first =
      StatusOf(call.request().value()).value_or(ServingStatus::kServiceUnknown);
  if (!call.TryWrite(ResponseOf(first)).ok()) return;
  std::unique_lock lock(mutex_);
  if (!serving_) {
    lock.unlock();
    // The shutdown began after the first word and did not find this watcher yet.
    if (first == ServingStatus::kServing) {
      call.TryWrite(ResponseOf(ServingStatus::kNotServing)).IgnoreError();
    }
    return std::move(call).Finish(absl::UnavailableError("the server is shutting down"));
  }
  const std::uint64_t id = next_++;
  std::stop_token stop = call.context().stop_token();
  Watcher& watcher = watchers_.try_emplace(id, std::move(call)).first->second;
  // Not at once: the callback may run inside its own construction.
  watcher.gone.emplace(std::move(stop), [weak = weak_from_this(), runtime = runtime_, id] {
    runtime->control.Post([weak, id] {
      if (const std::shared_ptr<Health> health = weak.lock()) health->Forget(id);
    });
  });
}

void Health::Forget(std::uint64_t id) {
  std::map<std::uint64_t, Watcher>::node_type gone;
  std::unique_lock lock(mutex_);
  gone = watchers_.extract(id);
  lock.unlock();  // dropping a call takes locks of its own
}

void Health::SetNotServing() {
  std::map<std::uint64_t, Watcher> watchers;
  {
    std::unique_lock lock(mutex_);
    serving_ = false;
    std::swap(watchers, watchers_);
  }
  for (auto& [id, watcher] : watchers) {
    watcher.gone.reset();
    const auto known = StatusOf(watcher.call.request().value());
    if (known) watcher.call.TryWrite(ResponseOf(*known)).IgnoreError();
    std::move(watcher.call).Finish(absl::UnavailableError("the server is shutting down"));
  }
}

}  // namespace parley::detail
