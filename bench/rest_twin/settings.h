// How the REST programs find one another: httplib takes a unix socket's path as its host. Used by
// client and server.

#ifndef PARLEY_BENCH_REST_TWIN_SETTINGS_H_
#define PARLEY_BENCH_REST_TWIN_SETTINGS_H_

#include <httplib.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace parley_bench {

// Long enough for a stream that has nothing to say while it is measured.
inline constexpr std::chrono::minutes kReadTimeout{10};

// The path in "unix:/path"; nothing for other addresses.
inline std::optional<std::string> UnixPath(std::string_view address) {
  constexpr std::string_view kScheme = "unix:";
  if (!address.starts_with(kScheme)) return std::nullopt;
  return std::string(address.substr(kScheme.size()));
}

}  // namespace parley_bench

#endif  // PARLEY_BENCH_REST_TWIN_SETTINGS_H_
