// A server of KServe's protocol, for clients of others to be pointed at. It listens on loopback, prints
// "listening on 127.0.0.1:<port>" once it does, and stops on SIGTERM or SIGINT.
#include <pthread.h>
#include <signal.h>

#include <iostream>

#include "parley/kserve/service.h"
#include "tests/kserve/kserve_models.h"

namespace {

absl::Status Serve(const sigset_t& stop_signals) {
  parley::ModelRegistry registry({.loader = parley::kserve_test::LoadOnRequest});
  if (absl::Status s = parley::kserve_test::LoadModels(registry); !s.ok()) return s;
  parley::Server server;
  parley::kserve::AddService(server, registry, {.allow_model_control = true});
  if (absl::Status s = server.Start("127.0.0.1:0"); !s.ok()) return s;
  std::cout << "listening on 127.0.0.1:" << server.port() << std::endl;

  int signal_number = 0;
  sigwait(&stop_signals, &signal_number);
  return server.Shutdown(absl::Seconds(1));
}

}  // namespace

int main() {
  // Blocked before any thread starts, so that only sigwait sees them.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGTERM);
  sigaddset(&stop_signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);

  const absl::Status status = Serve(stop_signals);
  if (status.ok()) return 0;
  std::cerr << "kserve_server: " << status << "\n";
  return 1;
}
