// Where a document's fragment stands that awaits: in a coroutine, with a client of a running
// server.
#include <exception>
#include <iostream>
#include <latch>
#include <string>

#include "contract.h"
#include "teller.h"

parley::Task<absl::Status> Fragment(parley::Client& client, const Question& question,
                                    const Prompt& prompt) {
  // <block>
  co_return absl::OkStatus();
}

// A coroutine that nobody waits for.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

// Once over a socket and once in the process.
absl::Status Run(parley::Client client) {
  const Question question = AQuestion();
  const Prompt prompt = APrompt();
  absl::Status status;
  std::latch done(1);
  auto start = [&]() -> Detached {  // named: a coroutine's lambda must outlive it
    status = co_await Fragment(client, question, prompt);
    done.count_down();
  };
  start();
  done.wait();
  return status;
}

int main() {
  parley::Server server;
  RegisterTeller(server);
  absl::Status status = server.Start("127.0.0.1:0");
  if (status.ok()) status = Run(parley::Client("127.0.0.1:" + std::to_string(server.port())));
  if (status.ok()) status = Run(parley::Client::Local(server));
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
