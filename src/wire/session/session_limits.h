// A session's limits, from the options of the client or server that it belongs to.
#ifndef PARLEY_SRC_WIRE_SESSION_SESSION_LIMITS_H_
#define PARLEY_SRC_WIRE_SESSION_SESSION_LIMITS_H_

#include <algorithm>
#include <cstddef>

#include "parley/options.h"
#include "src/wire/session/session_machine.h"

namespace parley::detail {

inline constexpr std::size_t kMostSessionCalls = 16384;
inline constexpr std::size_t kSessionPoolBytes = std::size_t{64} << 20;

// How many sessions a client keeps.
inline std::size_t MostSessions(const ClientOptions& options) {
  return std::clamp<std::size_t>(options.sessions, 1, 256);
}

inline SessionMachine::Limits SessionLimits(std::size_t max_message_bytes,
                                            std::size_t receive_queue_bytes,
                                            std::size_t max_exchanges) {
  return {.max_message_bytes = max_message_bytes,
          .max_exchanges = max_exchanges,
          .max_window_bytes = std::max(kFirstWindowBytes, receive_queue_bytes),
          .pool_bytes = kSessionPoolBytes};
}

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_SESSION_SESSION_LIMITS_H_
