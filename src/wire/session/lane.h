// What a session knows of one of its exchanges: the base of the calls that it carries.
#ifndef PARLEY_SRC_WIRE_SESSION_LANE_H_
#define PARLEY_SRC_WIRE_SESSION_LANE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "parley/detail/payload.h"
#include "parley/metadata.h"

namespace parley::detail {

// What each side grants the other for a new exchange.
inline constexpr std::size_t kFirstWindowBytes = std::size_t{16} << 10;

// Changed by the SessionMachine alone, under its session's lock, from the time the lane is given to
// it until the lane is released.
class Lane {
 public:
  Lane() = default;
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

 protected:
  ~Lane() = default;

 private:
  friend class SessionMachine;

  // For another session, after one that has not run the call.
  void Reset() {
    sent_bytes_ = 0;
    credit_ = granted_ = window_ = kFirstWindowBytes;
    to_grant_ = held_ = 0;
    has_message_ = message_begun_ = queued_ = heard_ = false;
    turn_ = 0;
  }

  // What a received message needs comes first, up to `window_`: one line of the caches.
  std::shared_ptr<Lane> self_;  // while the session needs it
  std::uint64_t id_ = 0;        // 0: has not said anything yet

  // --- What is received.
  std::uint64_t granted_ = kFirstWindowBytes;  // what the peer may still send
  std::uint64_t held_ = 0;                     // what it has sent and nobody has taken
  std::uint64_t remaining_ = 0;                // bytes of the message that `partial_` begins
  bool waits_for_pool_ = false;
  bool peer_ended_ = false;
  bool refused_ = false;      // what still comes is dropped
  bool heard_ = false;        // the peer has the call
  bool has_message_ = false;  // to be sent
  std::uint64_t window_ = kFirstWindowBytes;
  std::uint64_t extra_ = 0;          // granted beyond the window, to a message that is longer
  std::unique_ptr<Buffer> partial_;  // as a rule messages are whole

  // --- What is to be sent.
  Payload message_;  // kept after it was sent, until the peer has shown that it has the call
  std::size_t sent_bytes_ = 0;                // of the message
  std::uint64_t credit_ = kFirstWindowBytes;  // what the peer still takes
  std::uint64_t to_grant_ = 0;
  Metadata metadata_;  // client: the request's; server: the initial
  std::string_view method_;
  std::uint64_t timeout_us_ = 0;
  std::uint64_t started_in_ = 0;  // which batch
  bool message_begun_ = false;
  bool one_request_ = false;  // what was sent can be sent again elsewhere
  bool start_pending_ = false;
  bool headers_pending_ = false;
  bool end_pending_ = false;
  bool cancel_pending_ = false;
  bool queued_ = false;  // for its turn
  std::uint64_t turn_ = 0;
  std::size_t turn_bytes_ = 0;  // said in that turn

  // --- Server: how it ends.
  absl::Status status_;
  Metadata trailing_;
  bool status_pending_ = false;
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_SESSION_LANE_H_
