// What a server is made of, and the order in which it starts and stops.
#ifndef PARLEY_SRC_SERVER_CORE_H_
#define PARLEY_SRC_SERVER_CORE_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "parley/detail/handler.h"
#include "parley/options.h"
#include "src/exchange/dispatcher.h"
#include "src/health.h"
#include "src/wire/grpc/listener.h"

namespace parley::detail {

class ServerCore {
 public:
  explicit ServerCore(ServerOptions options);
  ~ServerCore();

  void Add(Handler handler);
  void AddService(grpc::Service& service) { services_.push_back(&service); }
  // No address: for clients in this process alone.
  absl::Status Start(const std::string& address);
  int port() const { return listener_.port(); }
  void Wait();
  absl::Status Shutdown(absl::Duration grace);

  const std::shared_ptr<Dispatcher>& dispatcher() const { return dispatcher_; }
  const std::shared_ptr<Health>& health() const { return health_; }

 private:
  enum class State { kNew, kStarting, kStarted, kStopping, kStopped };

  absl::Status CheckStart(const std::string& address) const;
  absl::Status Stop();
  absl::Time EndOfGrace();

  Listener listener_;
  const std::shared_ptr<Runtime> runtime_;
  const std::shared_ptr<Dispatcher> dispatcher_;
  const std::shared_ptr<Health> health_ = std::make_shared<Health>();
  std::vector<grpc::Service*> services_;
  absl::Status registration_;  // the first error of Add

  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::kNew;
  absl::Time end_of_grace_ = absl::InfiniteFuture();
  absl::Status result_;     // of the shutdown
  std::thread background_;  // a shutdown that a handler asked for
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_SERVER_CORE_H_
