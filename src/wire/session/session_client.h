// A client's wire to a server elsewhere: sessions where the server speaks them, and plain calls where
// it does not, as long as there is no session yet, and where a call asks for one.
#ifndef PARLEY_SRC_WIRE_SESSION_SESSION_CLIENT_H_
#define PARLEY_SRC_WIRE_SESSION_SESSION_CLIENT_H_

#include <memory>
#include <string>

#include "parley/options.h"
#include "src/wire/session/session_pool.h"
#include "src/wire/wire.h"

namespace parley::detail {

class SessionClient final : public ClientWire {
 public:
  // `source` belongs to `runtime`, which calls keep.
  SessionClient(const std::string& target, const ClientOptions& options,
                std::shared_ptr<Runtime> runtime, CompletionSource& source, CallLimits limits);
  ~SessionClient() override { pool_->Close(); }

  AllocateBlock allocator() const override;
  bool BorrowsRequests(std::string_view) const override { return false; }
  std::shared_ptr<OutgoingCall> NewCall(const CallShape& shape) override;

 private:
  const std::shared_ptr<Runtime> runtime_;
  const CallLimits limits_;
  const Wire wire_;
  const std::shared_ptr<SessionPool> pool_;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_SESSION_SESSION_CLIENT_H_
