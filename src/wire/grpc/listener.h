// A server's port: the gRPC server with its queue, its generic service and the services generated
// by protoc beside it. Calls that come in become IncomingCalls of the plain wire.
#ifndef PARLEY_SRC_WIRE_GRPC_LISTENER_H_
#define PARLEY_SRC_WIRE_GRPC_LISTENER_H_

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "parley/options.h"
#include "src/exchange/call_pool.h"
#include "src/exchange/dispatcher.h"
#include "src/wire/grpc/completion_source.h"
#include "src/wire/grpc/registered_method.h"

namespace parley::detail {

class Listener {
 public:
  explicit Listener(const ServerOptions& options);
  // REQUIRES: Shutdown has returned, or Start never succeeded.
  ~Listener() = default;

  // Once, before Start: the queue for the loop that will poll it. Stays the listener's source.
  std::unique_ptr<EventSource> TakeSource();

  // Listens and accepts calls for `dispatcher`.
  absl::Status Start(const std::string& address, const std::vector<grpc::Service*>& services,
                     std::shared_ptr<Dispatcher> dispatcher);
  int port() const { return port_; }

  // Closes the port, refuses new calls and waits for live ones, which are cut off at `deadline`.
  // Somebody must poll.
  void Shutdown(absl::Time deadline);

  // --- For calls.
  // Makes room for one more call of a method.
  void AcceptNext(std::size_t index);
  std::string_view method(std::size_t index) const { return methods_[index]->handler.path; }
  RegisteredService& service() { return service_; }
  grpc::ServerCompletionQueue& queue() { return *queue_; }

 private:
  grpc::ServerBuilder builder_;
  std::unique_ptr<CompletionSource> untaken_;
  CompletionSource* source_;
  grpc::ServerCompletionQueue* queue_;
  CallPool calls_;
  RegisteredService service_;
  std::vector<const Dispatcher::Method*> methods_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<Dispatcher> dispatcher_;
  int port_ = 0;

  std::mutex mutex_;
  bool closing_ = false;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_GRPC_LISTENER_H_
