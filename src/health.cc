#include "src/health.h"

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

void Health::AddTo(Dispatcher& dispatcher) {
  {
    const Lock lock(mutex_);
    // What was said of one before stays.
    for (const std::string& service : dispatcher.Services()) serving_.emplace(service, true);
    runtime_ = dispatcher.runtime();
  }
  // A handler may still be on its way out when the server is gone.
  const std::shared_ptr<Health> self = shared_from_this();
  dispatcher
      .Add(MakeHandler(Check{"grpc.health.v1.Health/Check"},
                       [self](Context&, const HealthCheckRequest& request)
                           -> absl::StatusOr<HealthCheckResponse> {
                         const Lock lock(self->mutex_);
                         const auto status = self->StatusOf(request.value());
                         if (status) return ResponseOf(*status);
                         return absl::NotFoundError(absl::StrCat(
                             "unknown service \"", request.value().substr(0, kMostShown), "\""));
                       }),
           true)
      .IgnoreError();
  dispatcher
      .Add(MakeHandler(Watch{"grpc.health.v1.Health/Watch"},
                       [self](ServerCall<Watch> call) { self->StartWatch(std::move(call)); }),
           true)
      .IgnoreError();
}

std::optional<ServingStatus> Health::StatusOf(const std::string& service) const {
  const auto found = serving_.find(service);
  if (found == serving_.end()) return std::nullopt;
  return found->second && !stopped_ ? ServingStatus::kServing : ServingStatus::kNotServing;
}

void Health::StartWatch(ServerCall<Watch> call) {
  std::stop_token stop = call.context().stop_token();
  const auto watcher = std::make_shared<Watcher>(std::move(call));
  Lock lock(mutex_);
  const std::uint64_t id = next_++;
  watchers_.emplace(id, watcher);
  // Not at once: the callback may run inside its own construction.
  watcher->gone.emplace(std::move(stop), [weak = weak_from_this(), runtime = runtime_, id] {
    runtime->control.Post([weak, id] {
      if (const std::shared_ptr<Health> health = weak.lock()) health->Forget(id);
    });
  });
  Tell(std::move(lock));
}

void Health::Forget(std::uint64_t id) {
  std::map<std::uint64_t, std::shared_ptr<Watcher>>::node_type gone;
  Lock lock(mutex_);
  gone = watchers_.extract(id);
  lock.unlock();  // dropping a call takes locks of its own
}

void Health::Set(const std::string& service, bool serving) {
  Lock lock(mutex_);
  serving_[service] = serving;
  Tell(std::move(lock));
}

void Health::Stop() {
  Lock lock(mutex_);
  stopped_ = true;
  Tell(std::move(lock));
}

std::shared_ptr<Health::Watcher> Health::FindStale() {
  for (auto it = watchers_.begin(); it != watchers_.end(); ++it) {
    const std::shared_ptr<Watcher> watcher = it->second;
    // A call that ends is forgotten by whoever ends it.
    if (stopped_) watchers_.erase(it);
    if (stopped_ ||
        StatusOf(watcher->service).value_or(ServingStatus::kServiceUnknown) != watcher->told) {
      return watcher;
    }
  }
  return nullptr;
}

void Health::Tell(Lock lock) {
  if (std::exchange(telling_, true)) return;
  while (const std::shared_ptr<Watcher> watcher = FindStale()) {
    const ServingStatus status =
        StatusOf(watcher->service).value_or(ServingStatus::kServiceUnknown);
    const bool is_news = std::exchange(watcher->told, status) != status;
    const bool is_last = stopped_;
    lock.unlock();
    // Of a client that has gone, or reads nothing, there is nothing to be done.
    if (is_news) watcher->call.TryWrite(ResponseOf(status)).IgnoreError();
    if (is_last) {
      watcher->gone.reset();
      std::move(watcher->call).Finish(absl::UnavailableError("the server is shutting down"));
    }
    lock.lock();
  }
  telling_ = false;
}

}  // namespace parley::detail
