// The local wire: client and server in one process, no socket and no serialisation.
#ifndef PARLEY_SRC_WIRE_LOCAL_LOCAL_CLIENT_H_
#define PARLEY_SRC_WIRE_LOCAL_LOCAL_CLIENT_H_

#include <memory>

#include "src/exchange/dispatcher.h"
#include "src/wire/wire.h"

namespace parley::detail {

class LocalClient final : public ClientWire {
 public:
  // `dispatcher` is the server's; once it is gone, calls get UNAVAILABLE.
  LocalClient(std::shared_ptr<Runtime> runtime, std::weak_ptr<Dispatcher> dispatcher,
              CallLimits limits)
      : runtime_(std::move(runtime)), dispatcher_(std::move(dispatcher)), limits_(limits) {}

  AllocateBlock allocator() const override { return nullptr; }
  std::shared_ptr<OutgoingCall> NewCall(const CallShape& shape) override;
  bool BorrowsRequests(std::string_view method) const override;

 private:
  const std::shared_ptr<Runtime> runtime_;
  const std::weak_ptr<Dispatcher> dispatcher_;
  const CallLimits limits_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_LOCAL_LOCAL_CLIENT_H_
