// The smallest useful server: one function, called from other processes.
#include "parley/server.h"

#include <signal.h>

#include <iostream>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "contract.h"

ABSL_FLAG(std::string, address, "127.0.0.1:0", "host:port to listen on; 0: a free port.");

absl::StatusOr<hello::GreetResponse> Greet(parley::Context&, const hello::GreetRequest& request) {
  if (request.name().empty()) return absl::InvalidArgumentError("a greeting needs a name");
  hello::GreetResponse response;
  response.set_greeting(absl::StrCat("Hello, ", request.name(), "!"));
  return response;
}

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Greets whoever calls. Ctrl-C stops it.");
  absl::ParseCommandLine(argc, argv);

  // Blocked in every thread, so that sigwait below gets them.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGINT);
  sigaddset(&stop_signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);

  parley::Server server;
  server.Register(kGreet, Greet);
  const std::string address = absl::GetFlag(FLAGS_address);
  if (absl::Status status = server.Start(address); !status.ok()) {
    std::cerr << status << "\n";
    return 1;
  }
  std::cout << "listening on " << address.substr(0, address.rfind(':') + 1) << server.port()
            << std::endl;

  int signal;
  sigwait(&stop_signals, &signal);
  absl::Status status = server.Shutdown(absl::Seconds(5));
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
