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
#include <vector>

#include "google/protobuf/wrappers.pb.h"
#include "parley/method.h"
#include "parley/server_call.h"
#include "src/exchange/dispatcher.h"

namespace parley::detail {

using HealthCheckRequest = google::protobuf::StringValue;  // string service = 1
using HealthCheckResponse = google::protobuf::Int32Value;  // ServingStatus status = 1

enum class ServingStatus { kServing = 1, kNotServing = 2, kServiceUnknown = 3 };

// Answers Check and Watch for "" and the services of the dispatcher's methods.
class Health : public std::enable_shared_from_this<Health> {
 public:
  using Check = Unary<HealthCheckRequest, HealthCheckResponse>;
  using Watch = ServerStreaming<HealthCheckRequest, HealthCheckResponse>;

  // Registers itself with `dispatcher`, which knows all other methods by then.
  static std::shared_ptr<Health> AddTo(Dispatcher& dispatcher);

  // From now on; whoever watches is told, and its call ends.
  void SetNotServing();

 private:
  struct Watcher {
    explicit Watcher(ServerCall<Watch> watched) : call(std::move(watched)) {}
    ServerCall<Watch> call;
    std::optional<std::stop_callback<std::function<void()>>> gone;
  };

  std::optional<ServingStatus> StatusOf(const std::string& service);
  void StartWatch(ServerCall<Watch> call);
  void Forget(std::uint64_t id);

  std::mutex mutex_;
  std::vector<std::string> services_;
  std::shared_ptr<Runtime> runtime_;
  bool serving_ = true;
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, Watcher> watchers_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_HEALTH_H_
