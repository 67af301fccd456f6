// grpc.health.v1.Health. Its messages have one field each and are, on the wire, what protobuf's own
// wrappers are: generated code of parley's would clash with that of an application which has some.
#ifndef PARLEY_SRC_HEALTH_H_
#define PARLEY_SRC_HEALTH_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "google/protobuf/wrappers.pb.h"
#include "parley/method.h"
#include "parley/server_call.h"
#include "src/exchange/dispatcher.h"

namespace parley::detail {

using HealthCheckRequest = google::protobuf::StringValue;  // string service = 1
using HealthCheckResponse = google::protobuf::Int32Value;  // ServingStatus status = 1

enum class ServingStatus { kServing = 1, kNotServing = 2, kServiceUnknown = 3 };

// Answers Check and Watch for "", the services of the dispatcher's methods and those that it was told of.
class Health : public std::enable_shared_from_this<Health> {
 public:
  using Check = Unary<HealthCheckRequest, HealthCheckResponse>;
  using Watch = ServerStreaming<HealthCheckRequest, HealthCheckResponse>;

  // Registers itself with `dispatcher`, which knows all other methods by then.
  void AddTo(Dispatcher& dispatcher);

  // From now on; whoever watches is told.
  void Set(const std::string& service, bool serving);
  // Of everything, for ever; whoever watches is told, and its call ends.
  void Stop();

 private:
  struct Watcher {
    explicit Watcher(ServerCall<Watch> watched)
        : call(std::move(watched)), service(call.request().value()) {}
    ServerCall<Watch> call;
    const std::string service;
    std::optional<ServingStatus> told;
    std::optional<std::stop_callback<std::function<void()>>> gone;
  };
  using Lock = std::unique_lock<std::mutex>;

  // With the lock.
  std::optional<ServingStatus> StatusOf(const std::string& service) const;
  // One that has to be told something; null if there is none.
  std::shared_ptr<Watcher> FindStale();

  void StartWatch(ServerCall<Watch> call);
  // One thread at a time tells all watchers; what changes meanwhile it tells as well.
  void Tell(Lock lock);
  void Forget(std::uint64_t id);

  std::mutex mutex_;
  std::map<std::string, bool> serving_ = {{"", true}};  // by service
  bool stopped_ = false;
  bool telling_ = false;
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, std::shared_ptr<Watcher>> watchers_;
  std::shared_ptr<Runtime> runtime_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_HEALTH_H_
