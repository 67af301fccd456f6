// grpc.health.v1.Health, by hand: an application that links a generated one too would have two of
// the same name.
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

#include "parley/codec.h"
#include "parley/method.h"
#include "parley/server_call.h"
#include "src/exchange/dispatcher.h"

namespace parley::detail {

struct HealthCheckRequest {
  std::string service;  // field 1
};

struct HealthCheckResponse {
  enum Status { kUnknown = 0, kServing = 1, kNotServing = 2, kServiceUnknown = 3 };
  Status status = kUnknown;  // field 1
};

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

  std::optional<HealthCheckResponse::Status> StatusOf(const std::string& service);
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

template <>
struct parley::Codec<parley::detail::HealthCheckRequest> {
  static absl::Status Encode(const detail::HealthCheckRequest& request, Buffer& out);
  static absl::Status Decode(const Buffer& in, detail::HealthCheckRequest& request);
  static std::size_t SizeBytes(const detail::HealthCheckRequest& request) {
    return request.service.size();
  }
};

template <>
struct parley::Codec<parley::detail::HealthCheckResponse> {
  static absl::Status Encode(const detail::HealthCheckResponse& response, Buffer& out);
  static absl::Status Decode(const Buffer& in, detail::HealthCheckResponse& response);
  static std::size_t SizeBytes(const detail::HealthCheckResponse&) { return 2; }
};

#endif  // PARLEY_SRC_HEALTH_H_
