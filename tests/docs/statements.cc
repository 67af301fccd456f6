// Where a document's fragment stands unless it says otherwise: in a function, with a client at hand
// and a server that has not been started.
#include <iostream>
#include <latch>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "contract.h"
#include "teller.h"

absl::Status Fragment(parley::Client& client, parley::Server& server, const Question& question,
                      const Prompt& prompt) {
  // <block>
  return absl::OkStatus();
}

// Fragments that are run get a client of a running server, over a socket and in the process.
int main() {
  parley::Server running;
  RegisterTeller(running);
  absl::Status status = running.Start("127.0.0.1:0");
  if (status.ok()) {
    parley::Client client("127.0.0.1:" + std::to_string(running.port()));
    parley::Server server;
    status = Fragment(client, server, AQuestion(), APrompt());
  }
  if (status.ok()) {
    parley::Client client = parley::Client::Local(running);
    parley::Server server;
    status = Fragment(client, server, AQuestion(), APrompt());
  }
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
