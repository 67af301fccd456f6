// Has thousands of conversations at once on two threads, each a coroutine that waits for its
// answers.
#include "parley/client.h"

#include <atomic>
#include <coroutine>
#include <exception>
#include <iostream>
#include <latch>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "contract.h"
#include "parley/task.h"

ABSL_FLAG(std::string, address, "", "Where the server listens, as it prints it.");
ABSL_FLAG(int, calls, 5000, "How many conversations to have at once.");
ABSL_FLAG(int, turns, 20, "How many numbers to send in each.");

// Sends 1, 2, 3 and so on, each when the answer to the one before is there, and checks the answers.
parley::Task<absl::Status> Count(const parley::Client& client, int turns) {
  auto call = client.Call(kAdd);
  counter::Number number;
  for (std::int64_t i = 1; i <= turns; ++i) {
    number.set_value(i);
    if (!(co_await call.AsyncWrite(number)).ok()) break;  // Finish tells why
    std::optional<counter::Number> sum = co_await call.AsyncNext();
    if (!sum) break;
    if (sum->value() != i * (i + 1) / 2) co_return absl::InternalError("the server can't add");
  }
  call.WritesDone();
  while (co_await call.AsyncNext()) continue;
  co_return co_await call.AsyncFinish();
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

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("coroutine_client --address=127.0.0.1:PORT [--calls=N] [--turns=N]");
  absl::ParseCommandLine(argc, argv);
  const int calls = absl::GetFlag(FLAGS_calls);
  const int turns = absl::GetFlag(FLAGS_turns);

  parley::Client client(absl::GetFlag(FLAGS_address), {.max_threads = 2});
  std::atomic<int> failed = 0;
  std::latch done(calls);
  auto start_one = [&]() -> Detached {
    absl::Status status = co_await Count(client, turns);
    if (!status.ok() && failed++ == 0) std::cerr << status << "\n";
    done.count_down();
  };
  const absl::Time start = absl::Now();
  for (int i = 0; i < calls; ++i) start_one();
  done.wait();

  const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
  std::cout << absl::StrFormat("%d conversations of %d turns in %.2f s, %d failed\n", calls, turns,
                               seconds, failed.load());
  return failed == 0 ? 0 : 1;
}
