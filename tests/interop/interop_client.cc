// parley's client for gRPC's interoperability cases, to be pointed at servers in other languages:
// runs one case, or all, and exits with 0 if the server did what the case's description says.
#include <grpcpp/security/credentials.h>

#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "interop/test_cases.h"
#include "parley/client.h"
#include "parley/options.h"

ABSL_FLAG(std::string, server_host, "localhost", "the server's host");
ABSL_FLAG(std::uint16_t, server_port, 0, "the server's port");
ABSL_FLAG(std::string, test_case, "all", "the case to run, or all that take no minute");
ABSL_FLAG(bool, use_tls, false, "call with TLS, checking against --ca_file");
ABSL_FLAG(std::string, ca_file, "", "certificates to trust, PEM; none: the system's");
ABSL_FLAG(std::string, wire, "auto", "what carries the calls: auto, plain or session");

namespace {

std::optional<parley::Wire> ParseWire(std::string_view text) {
  if (text == "auto") return parley::Wire::kAuto;
  if (text == "plain") return parley::Wire::kPlain;
  if (text == "session") return parley::Wire::kSession;
  return std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("runs gRPC's interoperability cases against a server");
  absl::ParseCommandLine(argc, argv);
  if (absl::GetFlag(FLAGS_server_port) == 0) {
    std::cerr << "interop_client: name the server's port with --server_port\n";
    return 2;
  }

  parley::ClientOptions options;
  const std::optional<parley::Wire> wire = ParseWire(absl::GetFlag(FLAGS_wire));
  if (!wire) {
    std::cerr << "interop_client: --wire is auto, plain or session\n";
    return 2;
  }
  options.wire = *wire;
  if (absl::GetFlag(FLAGS_use_tls)) {
    grpc::SslCredentialsOptions tls;
    if (const std::string path = absl::GetFlag(FLAGS_ca_file); !path.empty()) {
      std::ifstream file(path, std::ios::binary);
      tls.pem_root_certs.assign(std::istreambuf_iterator<char>(file), {});
      if (tls.pem_root_certs.empty()) {
        std::cerr << "interop_client: can't read '" << path << "'; name a PEM file\n";
        return 2;
      }
    }
    options.credentials = grpc::SslCredentials(tls);
  }
  const parley::Client client(
      absl::StrCat(absl::GetFlag(FLAGS_server_host), ":", absl::GetFlag(FLAGS_server_port)),
      std::move(options));

  const std::string wanted = absl::GetFlag(FLAGS_test_case);
  std::vector<parley_interop::TestCase> tests;
  for (const auto& cases : {parley_interop::TestCases(), parley_interop::LongCases()}) {
    for (const parley_interop::TestCase& test : cases) {
      if (wanted == test.name) tests.push_back(test);
    }
  }
  if (wanted == "all") {
    tests.assign(parley_interop::TestCases().begin(), parley_interop::TestCases().end());
  }
  if (tests.empty()) {
    std::cerr << "interop_client: no case is named '" << wanted << "'; there are:";
    for (const auto& cases : {parley_interop::TestCases(), parley_interop::LongCases()}) {
      for (const parley_interop::TestCase& test : cases) std::cerr << " " << test.name;
    }
    std::cerr << "\n";
    return 2;
  }

  int failed = 0;
  for (const parley_interop::TestCase& test : tests) {
    const absl::Status status = test.run(client);
    if (status.ok()) continue;
    ++failed;
    std::cerr << test.name << ": " << status.message() << "\n";
  }
  return failed == 0 ? 0 : 1;
}
