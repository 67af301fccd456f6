// Uses parley only by way of the greeter library.

#include <iostream>

#include "greeter.h"

int main() {
  parley::Server server;
  greeter::RegisterGreeter(server);
  if (absl::Status status = server.Start("127.0.0.1:0"); !status.ok()) {
    std::cerr << status << "\n";
    return 1;
  }
  greeter::Greeting greeting;
  greeting.set_text(greeter::RunsOn());
  absl::StatusOr<greeter::Greeting> answer =
      parley::Client::Local(server).Call(greeter::kGreet, greeting);
  if (!answer.ok()) {
    std::cerr << answer.status() << "\n";
    return 1;
  }
  std::cout << answer->text() << "\n";
  return 0;
}
