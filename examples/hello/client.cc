// The smallest useful client: calls the server's function as if it were its own.
#include "parley/client.h"

#include <iostream>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "contract.h"

ABSL_FLAG(std::string, address, "", "Where the server listens, as it prints it.");
ABSL_FLAG(std::string, name, "world", "Who is to be greeted.");

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("hello_client --address=127.0.0.1:PORT [--name=NAME]");
  absl::ParseCommandLine(argc, argv);

  parley::Client client(absl::GetFlag(FLAGS_address));
  hello::GreetRequest request;
  request.set_name(absl::GetFlag(FLAGS_name));
  absl::StatusOr<hello::GreetResponse> response =
      client.Call(kGreet, request, {.timeout = absl::Seconds(5)});
  if (!response.ok()) {
    std::cerr << response.status() << "\n";
    return 1;
  }
  std::cout << response->greeting() << "\n";
  return 0;
}
