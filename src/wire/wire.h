// What a client asks of a wire.
#ifndef PARLEY_SRC_WIRE_WIRE_H_
#define PARLEY_SRC_WIRE_WIRE_H_

#include <cstddef>
#include <memory>
#include <string_view>

#include "parley/client.h"
#include "src/exchange/outgoing_call.h"

namespace parley::detail {

// What is known of a call before there is one.
struct CallShape {
  MethodKind kind;
  std::string_view method;
  std::size_t request_bytes;  // 0 where requests are a stream
  Wire wire;
};

class ClientWire {
 public:
  virtual ~ClientWire() = default;
  // How to allocate what will be sent; null if calls carry objects as they are.
  virtual AllocateBlock allocator() const = 0;
  // Whether a request may be lent to a call of this method instead of being encoded or copied, if
  // the caller waits for the end.
  virtual bool BorrowsRequests(std::string_view method) const = 0;
  // A call, not opened.
  virtual std::shared_ptr<OutgoingCall> NewCall(const CallShape& shape) = 0;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_WIRE_H_
