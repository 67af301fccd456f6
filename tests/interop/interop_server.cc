// parley's server of gRPC's interoperability service, for clients in other languages to be pointed
// at. It listens on loopback, prints "listening on 127.0.0.1:<port>" once it does, and stops on
// SIGTERM or SIGINT.
#include <grpcpp/security/server_credentials.h>
#include <pthread.h>
#include <signal.h>

#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "interop/test_service.h"
#include "parley/options.h"
#include "parley/server.h"

ABSL_FLAG(std::uint16_t, port, 0, "port to listen on; 0: the system's choice");
ABSL_FLAG(bool, use_tls, false, "serve TLS, with --tls_cert_file and --tls_key_file");
ABSL_FLAG(std::string, tls_cert_file, "", "the server's certificate, PEM");
ABSL_FLAG(std::string, tls_key_file, "", "its key, PEM");

namespace {

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (text.empty()) {
    return absl::NotFoundError(absl::StrCat("can't read '", path, "'; name a PEM file"));
  }
  return text;
}

absl::Status Serve(const sigset_t& stop_signals) {
  parley::ServerOptions options;
  if (absl::GetFlag(FLAGS_use_tls)) {
    absl::StatusOr<std::string> certificate = ReadFile(absl::GetFlag(FLAGS_tls_cert_file));
    if (!certificate.ok()) return certificate.status();
    absl::StatusOr<std::string> key = ReadFile(absl::GetFlag(FLAGS_tls_key_file));
    if (!key.ok()) return key.status();
    grpc::SslServerCredentialsOptions tls;
    tls.pem_key_cert_pairs.push_back({*std::move(key), *std::move(certificate)});
    options.credentials = grpc::SslServerCredentials(tls);
  }
  parley::Server server(std::move(options));
  parley_interop::RegisterTestService(server);
  const std::string address = absl::StrCat("127.0.0.1:", absl::GetFlag(FLAGS_port));
  if (absl::Status s = server.Start(address); !s.ok()) return s;
  std::cout << "listening on 127.0.0.1:" << server.port() << std::endl;

  int signal_number = 0;
  sigwait(&stop_signals, &signal_number);
  return server.Shutdown(absl::Seconds(1));
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("serves grpc.testing.TestService on loopback until SIGTERM");
  absl::ParseCommandLine(argc, argv);
  // Blocked before any thread starts, so that only sigwait sees them.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGTERM);
  sigaddset(&stop_signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);

  const absl::Status status = Serve(stop_signals);
  if (status.ok()) return 0;
  std::cerr << "interop_server: " << status << "\n";
  return 1;
}
