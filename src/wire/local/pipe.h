// What lies between the two ends of a local call: for each direction at most one message, which
// waits until the other end wants to read. One thread at a time carries things across, in a loop,
// so that long queues don't become deep stacks; what others ask for meanwhile it carries too.
#ifndef PARLEY_SRC_WIRE_LOCAL_PIPE_H_
#define PARLEY_SRC_WIRE_LOCAL_PIPE_H_

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "parley/detail/payload.h"
#include "parley/metadata.h"

namespace parley::detail {

// What the pipe tells an end. Never called under a lock, never two at once.
class PipeEnd {
 public:
  virtual ~PipeEnd() = default;
  virtual void Delivered(Payload message) = 0;    // from the other end
  virtual void EndDelivered() = 0;                // the other end wrote its last
  virtual void Written() = 0;                     // this end's message or close was taken
  virtual void Severed(absl::Status status) = 0;  // the other end gave the call up
};

class Pipe {
 public:
  enum Side { kClient = 0, kServer = 1 };

  // The ends, until Close. False if that has happened already.
  bool Connect(std::shared_ptr<PipeEnd> client, std::shared_ptr<PipeEnd> server);

  // What an end asks for.
  void Read(Side side);
  void Write(Side side, std::optional<Payload> message, bool close);
  // The call has ended: drops what has not been carried, and both ends. Returns the end that is not
  // `from`, the first time.
  std::shared_ptr<PipeEnd> Close(Side from);
  // The same, and tells the other end that `from` gave the call up.
  void Sever(Side from, absl::Status status);

 private:
  struct Direction {       // from the side it is indexed by
    bool reading = false;  // the other side wants a message
    bool writing = false;
    bool close = false;
    std::optional<Payload> message;
  };

  void Pump(std::unique_lock<std::mutex>& lock);
  // Carries one thing across. Nothing to carry: false.
  bool Carry(std::unique_lock<std::mutex>& lock, Side from);

  std::mutex mutex_;
  bool closed_ = false;
  bool pumping_ = false;
  Direction directions_[2];
  std::shared_ptr<PipeEnd> ends_[2];
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_LOCAL_PIPE_H_
