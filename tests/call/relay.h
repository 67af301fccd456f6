// A TCP port that passes every connection on to another, until it is cut: a network between a client
// and servers of one process that can fail. For the tests of lost peers.
#ifndef PARLEY_TESTS_CALL_RELAY_H_
#define PARLEY_TESTS_CALL_RELAY_H_

#include <atomic>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "tests/call/listening_socket.h"

namespace parley::call_test {

class Relay {
 public:
  // Of connections to this port.
  explicit Relay(int port) : port_(port), accepting_([this] { AcceptAll(); }) {}
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  ~Relay() {
    listening_.Close();
    accepting_.join();
    Cut();
  }

  std::string target() const { return listening_.target(); }

  // Cuts all connections that there are, and forgets what was on its way. Later ones are passed on.
  void Cut() {
    std::list<Link> cut;
    {
      const std::lock_guard lock(mutex_);
      cut.swap(links_);
    }
    for (Link& link : cut) link.Cut();
  }

  // Cuts all connections, and closes later ones at once until it is Up again.
  void Down() {
    down_ = true;
    Cut();
  }
  void Up() { down_ = false; }

 private:
  class Link {
   public:
    Link(Socket client, Socket server)
        : client_(std::move(client)),
          server_(std::move(server)),
          up_([this] { Pass(client_, server_); }),
          down_([this] { Pass(server_, client_); }) {}
    ~Link() {
      Cut();
      up_.join();
      down_.join();
    }
    void Cut() {
      client_.Shutdown();
      server_.Shutdown();
    }

   private:
    void Pass(const Socket& from, const Socket& to) {
      for (std::string bytes = from.Receive(); !bytes.empty() && to.Send(bytes);) {
        bytes = from.Receive();
      }
      Cut();
    }

    const Socket client_;
    const Socket server_;
    std::thread up_;
    std::thread down_;
  };

  void AcceptAll() {
    while (true) {
      Socket client = listening_.Accept();
      if (!client.valid()) return;
      Socket server = Socket::TryConnect(port_);
      const std::lock_guard lock(mutex_);
      if (server.valid() && !down_) links_.emplace_back(std::move(client), std::move(server));
    }
  }

  const int port_;
  ListeningSocket listening_;
  std::atomic<bool> down_ = false;
  std::mutex mutex_;
  std::list<Link> links_;
  std::thread accepting_;
};

}  // namespace parley::call_test

#endif  // PARLEY_TESTS_CALL_RELAY_H_
