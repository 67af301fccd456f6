// The plain wire, client side: one gRPC call for each call, all on a channel with a connection of
// its own.
#ifndef PARLEY_SRC_WIRE_GRPC_PLAIN_CLIENT_H_
#define PARLEY_SRC_WIRE_GRPC_PLAIN_CLIENT_H_

#include <grpcpp/generic/generic_stub.h>

#include <memory>
#include <string>

#include "parley/options.h"
#include "src/wire/grpc/completion_source.h"
#include "src/wire/wire.h"

namespace parley::detail {

class PlainClient final : public ClientWire {
 public:
  // `source` belongs to `runtime`, which calls keep.
  PlainClient(const std::string& target, const ClientOptions& options,
              std::shared_ptr<Runtime> runtime, CompletionSource& source, CallLimits limits);

  std::shared_ptr<OutgoingCall> NewCall(MethodKind kind) override;
  bool BorrowsRequests() const override { return false; }

 private:
  const std::shared_ptr<Runtime> runtime_;
  CompletionSource& source_;
  const CallLimits limits_;
  grpc::GenericStub stub_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_GRPC_PLAIN_CLIENT_H_
