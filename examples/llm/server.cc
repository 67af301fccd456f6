// Serves a real language model: tokens leave as llama.cpp computes them, and a caller that leaves
// frees the model at once.
#include "parley/server.h"

#include <signal.h>

#include <algorithm>
#include <iostream>
#include <random>
#include <thread>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "contract.h"
#include "engine.h"

ABSL_FLAG(std::string, address, "127.0.0.1:0", "host:port to listen on; 0: a free port.");
ABSL_FLAG(std::string, model, "", "The model, a .gguf file; fetch_model.sh prints where one is.");
ABSL_FLAG(int, threads, std::max(1U, std::thread::hardware_concurrency() / 2),
          "How many compute a token; more of them than idle cores make it slow.");

absl::StatusOr<Sampling> SamplingFor(const story::Prompt& prompt) {
  const std::uint64_t seed = prompt.has_seed() ? prompt.seed() : std::random_device()();
  Sampling sampling{.seed = static_cast<std::uint32_t>(seed % LLAMA_DEFAULT_SEED)};
  if (prompt.max_tokens() > 0) sampling.max_tokens = prompt.max_tokens();
  if (prompt.has_temperature()) sampling.temperature = prompt.temperature();
  if (!(sampling.temperature >= 0 && sampling.temperature <= 2)) {
    return absl::InvalidArgumentError("temperature is not from 0 to 2");
  }
  return sampling;
}

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Serves a language model to whoever calls. Ctrl-C stops it.");
  absl::ParseCommandLine(argc, argv);

  // Blocked in every thread, so that sigwait below gets them.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGINT);
  sigaddset(&stop_signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);

  auto engine = Engine::Load(absl::GetFlag(FLAGS_model), absl::GetFlag(FLAGS_threads));
  if (!engine.ok()) {
    std::cerr << engine.status() << "; name a model with --model\n";
    return 1;
  }
  parley::Server server;
  server.Register(kTell,
                  [&](parley::Context& context, const story::Prompt& prompt,
                      parley::Writer<story::Token>& out) -> absl::Status {
                    absl::StatusOr<Sampling> sampling = SamplingFor(prompt);
                    if (!sampling.ok()) return sampling.status();
                    auto write = [&](std::string_view text) {
                      story::Token token;
                      token.set_text(std::string(text));
                      return out.Write(token);
                    };
                    return (*engine)->Generate(prompt.text(), *sampling, context.stop_token(),
                                               write);
                  });
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
