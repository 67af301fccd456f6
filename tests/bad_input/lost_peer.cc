// The process that lost_peer_test kills: a client in the middle of a call, or a server in the middle
// of some.
//   lost_peer call TARGET KIND   makes one call that does not end by itself
//   lost_peer serve              serves calls that don't end; prints its port, and a line for each
#include <signal.h>
#include <sys/prctl.h>

#include <iostream>
#include <mutex>
#include <string>

#include "absl/strings/numbers.h"
#include "parley/client.h"
#include "parley/server.h"
#include "tests/call/any_call.h"

namespace parley::call_test {
namespace {

int Call(const std::string& target, MethodKind kind) {
  const Client client(target);
  const auto call = AnyCall::Open(client, kind);
  std::string message(1000, 'x');
  while (StreamsRequests(kind) && call->Write(message).ok()) {
    if (StreamsResponses(kind) && !call->Next()) break;
  }
  std::cerr << "lost_peer: " << call->End() << "\n";  // only if nobody kills it
  return 1;
}

int Serve() {
  std::mutex printing;
  Engine engine;
  Server server;
  for (const MethodKind kind : kKinds) {
    RegisterScript(server, engine, kind, Form::kPlain, [&](Part& part) -> Task<absl::Status> {
      absl::Status written = co_await part.Write("the first of many");
      {
        const std::lock_guard lock(printing);
        std::cout << "started" << std::endl;
      }
      co_await part.Stopped();
      co_return written;
    });
  }
  if (const absl::Status started = server.Start("127.0.0.1:0"); !started.ok()) {
    std::cerr << "lost_peer: " << started << "\n";
    return 1;
  }
  {
    const std::lock_guard lock(printing);
    std::cout << server.port() << std::endl;
  }
  server.Wait();
  return 1;
}

}  // namespace
}  // namespace parley::call_test

int main(int argc, char** argv) {
  // Not longer than the test that started it, however that ends.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "serve" && argc == 2) return parley::call_test::Serve();
  int kind = 0;
  if (mode == "call" && argc == 4 && absl::SimpleAtoi(argv[3], &kind) && kind >= 0 && kind < 4) {
    return parley::call_test::Call(argv[2], static_cast<parley::MethodKind>(kind));
  }
  std::cerr << "usage: lost_peer call TARGET KIND | lost_peer serve\n";
  return 2;
}
