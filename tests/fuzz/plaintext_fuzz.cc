// Where plaintext may go: whatever a target looks like, it is loopback only if the host that gRPC
// makes of it is.
#include <arpa/inet.h>
#include <netdb.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/plaintext.h"
#include "tests/fuzz/fuzz_input.h"

using parley::detail::IsLoopback;
using parley::fuzz::Expect;

namespace {

// As gRPC splits an address; nothing if it refuses it.
std::optional<std::string> GrpcHost(const std::string& address) {
  if (!address.empty() && address[0] == '[') {
    const std::size_t bracket = address.find(']');
    if (bracket == std::string::npos) return std::nullopt;
    if (bracket + 1 < address.size() && address[bracket + 1] != ':') return std::nullopt;
    const std::string host = address.substr(1, bracket - 1);
    return host.find(':') == std::string::npos ? std::nullopt : std::make_optional(host);
  }
  const std::size_t colon = address.find(':');
  if (colon == std::string::npos || address.find(':', colon + 1) != std::string::npos) {
    return address;  // a bare IPv6 address, or no port
  }
  return address.substr(0, colon);
}

// The C library's parser of addresses, which is not the one that parley asks.
bool IsLoopbackHost(const std::string& host) {
  if (host == "localhost") return true;
  if (host.find('\0') != std::string::npos) return false;
  addrinfo hints = {};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return false;
  bool loopback = false;
  if (found->ai_family == AF_INET) {
    const auto* address = reinterpret_cast<const sockaddr_in*>(found->ai_addr);
    loopback = (ntohl(address->sin_addr.s_addr) & 0xff000000) == 0x7f000000;
  } else if (found->ai_family == AF_INET6) {
    const auto* address = reinterpret_cast<const sockaddr_in6*>(found->ai_addr);
    loopback = IN6_IS_ADDR_LOOPBACK(&address->sin6_addr) != 0;
  }
  freeaddrinfo(found);
  return loopback;
}

void CheckTarget(const std::string& target) {
  if (!IsLoopback(target)) return;
  absl::string_view rest = target;
  if (absl::ConsumePrefix(&rest, "unix:") || absl::ConsumePrefix(&rest, "unix-abstract:")) return;
  if (absl::ConsumePrefix(&rest, "ipv4:") || absl::ConsumePrefix(&rest, "ipv6:")) {
    for (const std::string& address : std::vector<std::string>(absl::StrSplit(rest, ','))) {
      const std::optional<std::string> host = GrpcHost(address);
      Expect(address.empty() || !host || IsLoopbackHost(*host), target);
    }
    return;
  }
  if (absl::ConsumePrefix(&rest, "dns:")) absl::ConsumePrefix(&rest, "///");
  const std::optional<std::string> host = GrpcHost(std::string(rest));
  Expect(!host || IsLoopbackHost(*host), target);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  CheckTarget(std::string(reinterpret_cast<const char*>(data), size));
  // Every literal is either loopback or not, with a port and without.
  parley::fuzz::Input input(data, size);
  const int first = input.Byte();
  const std::string literal =
      absl::StrCat(first, ".", input.Byte(), ".", input.Byte(), ".", input.Byte());
  for (const std::string& target :
       {literal, absl::StrCat(literal, ":", input.Byte()), absl::StrCat("ipv4:", literal, ":1"),
        absl::StrCat("dns:///", literal), absl::StrCat("ipv4:127.0.0.1,", literal)}) {
    Expect(IsLoopback(target) == (first == 127), target);
  }
  return 0;
}
