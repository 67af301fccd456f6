// The plain wire, client side: one gRPC call for each call, all on a channel with a connection of
// its own.
#ifndef PARLEY_SRC_WIRE_GRPC_PLAIN_CLIENT_H_
#define PARLEY_SRC_WIRE_GRPC_PLAIN_CLIENT_H_

#include <grpcpp/channel.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/container/node_hash_map.h"
#include "parley/options.h"
#include "src/wire/grpc/completion_source.h"
#include "src/wire/grpc/registered_method.h"
#include "src/wire/wire.h"

namespace parley::detail {

class PlainClient final : public ClientWire {
 public:
  // `source` belongs to `runtime`, which calls keep.
  PlainClient(const std::string& target, const ClientOptions& options,
              std::shared_ptr<Runtime> runtime, CompletionSource& source, CallLimits limits);

  AllocateBlock allocator() const override { return &AllocateSlice; }
  std::shared_ptr<OutgoingCall> NewCall(const CallShape& shape) override;
  bool BorrowsRequests(std::string_view) const override { return false; }

  // For calls, while they are opened. Registered when first called, and kept with the channel.
  const RegisteredMethod& MethodNamed(std::string_view method);

 private:
  const std::shared_ptr<Runtime> runtime_;
  CompletionSource& source_;
  const CallLimits limits_;
  const std::shared_ptr<grpc::Channel> channel_;

  using Methods = absl::node_hash_map<std::string, RegisteredMethod>;
  std::mutex mutex_;
  Methods methods_;
  std::atomic<const Methods::value_type*> last_method_ = nullptr;  // mostly the next one too
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_GRPC_PLAIN_CLIENT_H_
