// Serves the language model of model.h: tokens leave as the model draws them.
#include "parley/server.h"

#include <signal.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <random>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "contract.h"
#include "model.h"

ABSL_FLAG(std::string, address, "127.0.0.1:0", "host:port to listen on; 0: a free port.");
ABSL_FLAG(std::string, text, STORY_TEXT, "The text that the model learns from.");

absl::StatusOr<Sampling> SamplingFor(const story::Prompt& prompt) {
  Sampling sampling{.seed = prompt.has_seed() ? prompt.seed() : std::random_device()()};
  if (prompt.max_tokens() > 0) sampling.max_tokens = prompt.max_tokens();
  if (prompt.has_temperature()) sampling.temperature = prompt.temperature();
  if (prompt.text().size() > 65536 || sampling.max_tokens > 10000) {
    return absl::InvalidArgumentError("over 65536 bytes of prompt or 10000 max_tokens");
  }
  if (!(sampling.temperature >= 0 && sampling.temperature <= 2)) {
    return absl::InvalidArgumentError("temperature is not from 0 to 2");
  }
  return sampling;
}

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Tells stories to whoever calls. Ctrl-C stops it.");
  absl::ParseCommandLine(argc, argv);

  std::ifstream file(absl::GetFlag(FLAGS_text));
  const std::string text(std::istreambuf_iterator<char>(file), {});
  if (text.empty()) {
    std::cerr << "can't read " << absl::GetFlag(FLAGS_text) << "; name a text with --text\n";
    return 1;
  }
  const Model model(text);

  // Blocked in every thread, so that sigwait below gets them.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGINT);
  sigaddset(&stop_signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);

  parley::Server server;
  server.Register(kTell,
                  [&](parley::Context&, const story::Prompt& prompt,
                      parley::Writer<story::Token>& out) -> absl::Status {
                    absl::StatusOr<Sampling> sampling = SamplingFor(prompt);
                    if (!sampling.ok()) return sampling.status();
                    Model::Story story = model.Continue(prompt.text(), *sampling);
                    while (std::optional<std::string> piece = story.Next()) {
                      story::Token token;
                      token.set_text(*piece);
                      if (absl::Status s = out.Write(token); !s.ok())
                        return s;  // the caller left, or time ran out
                    }
                    return absl::OkStatus();
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
