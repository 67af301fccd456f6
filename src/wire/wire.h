// What a client asks of a wire.
#ifndef PARLEY_SRC_WIRE_WIRE_H_
#define PARLEY_SRC_WIRE_WIRE_H_

#include <memory>
#include <string_view>

#include "parley/client.h"
#include "src/exchange/outgoing_call.h"

namespace parley::detail {

class ClientWire {
 public:
  virtual ~ClientWire() = default;
  // A call of this kind, not opened.
  virtual std::shared_ptr<OutgoingCall> NewCall(MethodKind kind) = 0;
  // Whether a request may be lent to a call of this method instead of being encoded or copied, if
  // the caller waits for the end.
  virtual bool BorrowsRequests(std::string_view method) const = 0;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_WIRE_H_
