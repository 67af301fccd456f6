// A TCP port of the test's own behind which there is no gRPC: it accepts connections, reads, and
// says what the test tells it to say. For tests of peers that aren't what a client hopes for.
#ifndef PARLEY_TESTS_CALL_LISTENING_SOCKET_H_
#define PARLEY_TESTS_CALL_LISTENING_SOCKET_H_

#include <string>

namespace parley::call_test {

// A connected socket, closed at the end.
class Socket {
 public:
  // `listening`: where it was accepted, if it was; that must outlive it.
  explicit Socket(int fd, int listening = -1);
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&&) = delete;
  ~Socket();

  // Connects to a port of this machine; fails the test if it can't, or is invalid.
  static Socket Connect(int port);
  static Socket TryConnect(int port);

  bool valid() const { return fd_ >= 0; }
  // Sends all of it; false if the peer is gone.
  bool Send(const std::string& bytes) const;
  // What comes next; nothing at the end, which is also when the listening socket was closed, or if
  // nothing comes for kPatience, which fails the test.
  std::string Receive() const;
  // Ends both directions, also for whoever receives or sends meanwhile.
  void Shutdown() const;
  // Closes at once, telling the peer with a reset.
  void Reset();

 private:
  int fd_;
  int listening_;
};

class ListeningSocket {
 public:
  ListeningSocket();
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;
  ~ListeningSocket();

  int port() const { return port_; }
  std::string target() const;
  // The next connection; an invalid one, and a failed test, if none comes for kPatience.
  Socket Accept() const;
  // Makes Accept, also one that waits, return an invalid socket from now on.
  void Close();

 private:
  int fd_ = -1;
  int port_ = 0;
};

}  // namespace parley::call_test

#endif  // PARLEY_TESTS_CALL_LISTENING_SOCKET_H_
