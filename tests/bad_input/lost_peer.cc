// The process that the tests of lost peers kill: a client in the middle of calls, or a server in the
// middle of some.
//   lost_peer call TARGET KIND     makes one call that does not end by itself
//   lost_peer serve                serves calls that don't end; prints its port, and a line for each
//   lost_peer count TARGET CALLS   makes as many calls on a session, each of which sends 1, 2, 3 and so
//                                  on, one for each answer
//   lost_peer tokens ADDRESS       answers each call with 1, 2, 3 and so on; prints a line at the start
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <iostream>
#include <mutex>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "parley/client.h"
#include "parley/server.h"
#include "tests/call/any_call.h"
#include "tests/call/spawn.h"

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

Task<void> Count(const Client& client) {
  ClientReaderWriter<std::string, std::string> call = client.Call(kBoth);
  for (int number = 1;; ++number) {
    const std::string message = absl::StrCat(number);
    const absl::Status written = co_await call.AsyncWrite(message);
    if (!written.ok() || !co_await call.AsyncNext()) co_return;
  }
}

int CountInCalls(const std::string& target, int calls) {
  ClientOptions options;
  options.wire = Wire::kSession;
  const Client client(target, options);
  for (int i = 0; i < calls; ++i) Spawn(Count(client));
  while (true) pause();
}

int ServeTokens(const std::string& address) {
  ServerOptions options;
  options.send_queue_bytes = 1000;
  Server server(options);
  server.Register(kDown,
                  [](Context&, const std::string&, Writer<std::string>& out) -> Task<absl::Status> {
                    absl::Status written;
                    for (int number = 1; written.ok(); ++number) {
                      const std::string token = absl::StrCat(number);
                      written = co_await out.AsyncWrite(token);
                    }
                    co_return written;
                  });
  if (const absl::Status started = server.Start(address); !started.ok()) {
    std::cerr << "lost_peer: " << started << "\n";
    return 1;
  }
  std::cout << "started" << std::endl;
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
  if (mode == "tokens" && argc == 3) return parley::call_test::ServeTokens(argv[2]);
  int number = 0;
  const bool has_number = argc == 4 && absl::SimpleAtoi(argv[3], &number) && number >= 0;
  if (mode == "call" && has_number && number < 4) {
    return parley::call_test::Call(argv[2], static_cast<parley::MethodKind>(number));
  }
  if (mode == "count" && has_number) return parley::call_test::CountInCalls(argv[2], number);
  std::cerr << "usage: lost_peer call TARGET KIND | serve | count TARGET CALLS | tokens ADDRESS\n";
  return 2;
}
