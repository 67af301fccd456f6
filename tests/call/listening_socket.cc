#include "tests/call/listening_socket.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/call/gate.h"

namespace parley::call_test {
namespace {

constexpr int kPatienceMs = static_cast<int>(std::chrono::milliseconds(kPatience).count());

sockaddr_in LoopbackAddress(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

}  // namespace

Socket::Socket(int fd, int listening) : fd_(fd), listening_(listening) {
  const int on = 1;
  if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Socket::Socket(Socket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), listening_(other.listening_) {}

Socket::~Socket() {
  if (fd_ >= 0) close(fd_);
}

Socket Socket::Connect(int port) {
  Socket made = TryConnect(port);
  EXPECT_TRUE(made.valid()) << std::strerror(errno);
  return made;
}

Socket Socket::TryConnect(int port) {
  Socket made(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = LoopbackAddress(port);
  if (connect(made.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Socket(-1);
  }
  return made;
}

bool Socket::Send(const std::string& bytes) const {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t n = send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += static_cast<std::size_t>(n);
  }
  return true;
}

std::string Socket::Receive() const {
  pollfd waiting[] = {{fd_, POLLIN, 0}, {listening_, 0, 0}};
  if (poll(waiting, 2, kPatienceMs) < 1) {
    ADD_FAILURE() << "nothing was received";
    return "";
  }
  if (waiting[0].revents == 0) return "";
  std::string bytes(64 * 1024, '\0');
  const ssize_t n = recv(fd_, bytes.data(), bytes.size(), 0);
  bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return bytes;
}

void Socket::Shutdown() const { shutdown(fd_, SHUT_RDWR); }

void Socket::Reset() {
  const linger at_once = {1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(std::exchange(fd_, -1));
}

ListeningSocket::ListeningSocket() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = LoopbackAddress(0);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0)
      << std::strerror(errno);
  EXPECT_EQ(listen(fd_, 64), 0) << std::strerror(errno);
  EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
  port_ = ntohs(address.sin_port);
}

ListeningSocket::~ListeningSocket() { close(fd_); }

std::string ListeningSocket::target() const { return absl::StrCat("127.0.0.1:", port_); }

Socket ListeningSocket::Accept() const {
  pollfd waiting = {fd_, POLLIN, 0};
  if (poll(&waiting, 1, kPatienceMs) != 1) {
    ADD_FAILURE() << "nobody connected";
    return Socket(-1);
  }
  return Socket(accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC), fd_);
}

void ListeningSocket::Close() { shutdown(fd_, SHUT_RDWR); }

}  // namespace parley::call_test
