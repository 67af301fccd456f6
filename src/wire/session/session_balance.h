// How a client's sessions are spread over its servers: as evenly as can be, one moved at a time.
#ifndef PARLEY_SRC_WIRE_SESSION_SESSION_BALANCE_H_
#define PARLEY_SRC_WIRE_SESSION_SESSION_BALANCE_H_

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace parley::detail {

// `servers`: each session's; empty: there is none in this place. Which of them is to make room for a
// session to `server`: one of a server that has at least two more. Of these the one with the most.
inline std::optional<std::size_t> PlaceOnCrowdedServer(const std::vector<std::string_view>& servers,
                                                       std::string_view server) {
  const auto sessions_of = [&](std::string_view name) {
    return std::count(servers.begin(), servers.end(), name);
  };
  std::optional<std::size_t> place;
  auto most = sessions_of(server) + 1;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    if (servers[i].empty() || sessions_of(servers[i]) <= most) continue;
    most = sessions_of(servers[i]);
    place = i;
  }
  return place;
}

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_SESSION_SESSION_BALANCE_H_
