#include "src/plaintext.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string>

namespace parley::detail {
namespace {

bool RemovePrefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool IsLoopbackHost(std::string_view host) {
  if (host == "localhost") return true;
  // inet_pton would stop there, and whoever else reads the name perhaps not.
  if (host.find('\0') != std::string_view::npos) return false;
  const std::string literal(host);
  in_addr v4;
  if (inet_pton(AF_INET, literal.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6;
  return inet_pton(AF_INET6, literal.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

// "host", "host:port", "[host]" or "[host]:port", and a bare IPv6 address.
std::string_view HostOf(std::string_view address) {
  if (RemovePrefix(address, "[")) return address.substr(0, address.find(']'));
  const std::size_t colon = address.find(':');
  const bool one_colon =
      colon != std::string_view::npos && address.find(':', colon + 1) == std::string_view::npos;
  return one_colon ? address.substr(0, colon) : address;
}

}  // namespace

bool IsLoopback(std::string_view target) {
  if (target.starts_with("unix:") || target.starts_with("unix-abstract:")) return true;
  if (RemovePrefix(target, "ipv4:") || RemovePrefix(target, "ipv6:")) {
    // These may list several addresses.
    if (target.empty()) return false;
    while (!target.empty()) {
      const std::string_view address = target.substr(0, target.find(','));
      if (!IsLoopbackHost(HostOf(address))) return false;
      target.remove_prefix(std::min(target.size(), address.size() + 1));
    }
    return true;
  }
  if (RemovePrefix(target, "dns:")) {
    // "dns://server/name": an authority other than none asks somebody else.
    if (RemovePrefix(target, "//") && !RemovePrefix(target, "/")) return false;
  }
  return IsLoopbackHost(HostOf(target));
}

}  // namespace parley::detail
