// Holds thousands of conversations on two threads: a handler that waits is a suspended coroutine.
#include "parley/server.h"

#include <signal.h>

#include <iostream>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "contract.h"
#include "parley/task.h"

ABSL_FLAG(std::string, address, "127.0.0.1:0", "host:port to listen on; 0: a free port.");

parley::Task<absl::Status> Add(parley::Context&, parley::Reader<counter::Number>& in,
                               parley::Writer<counter::Number>& out) {
  counter::Number sum;
  while (std::optional<counter::Number> number = co_await in.AsyncNext()) {
    sum.set_value(sum.value() + number->value());
    if (absl::Status s = co_await out.AsyncWrite(sum); !s.ok()) co_return s;
  }
  co_return in.status();
}

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Adds numbers up for whoever calls. Ctrl-C stops it.");
  absl::ParseCommandLine(argc, argv);

  // Blocked in every thread, so that sigwait below gets them.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGINT);
  sigaddset(&stop_signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);

  parley::Server server({.max_threads = 2});
  server.Register(kAdd, Add);
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
