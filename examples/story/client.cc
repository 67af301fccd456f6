// Asks for a story and prints its tokens as they arrive, then how fast they came.
#include "parley/client.h"

#include <iostream>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "contract.h"

ABSL_FLAG(std::string, address, "", "Where the server listens, as it prints it.");
ABSL_FLAG(std::string, prompt, "Once upon a time", "How the story begins.");
ABSL_FLAG(std::uint32_t, max_tokens, 100, "About how long the story is to be.");
ABSL_FLAG(std::optional<double>, temperature, std::nullopt, "0 (dull) to 2 (wild).");
ABSL_FLAG(std::optional<std::uint64_t>, seed, std::nullopt, "The same one tells the same story.");

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("story_client --address=127.0.0.1:PORT [--prompt=TEXT] ...");
  absl::ParseCommandLine(argc, argv);

  story::Prompt prompt;
  prompt.set_text(absl::GetFlag(FLAGS_prompt));
  prompt.set_max_tokens(absl::GetFlag(FLAGS_max_tokens));
  if (auto temperature = absl::GetFlag(FLAGS_temperature)) prompt.set_temperature(*temperature);
  if (auto seed = absl::GetFlag(FLAGS_seed)) prompt.set_seed(*seed);

  parley::Client client(absl::GetFlag(FLAGS_address));
  std::cout << prompt.text() << std::flush;
  const absl::Time start = absl::Now();
  absl::Duration first;
  int count = 0;
  auto tokens = client.Call(kTell, prompt);
  for (const story::Token& token : tokens) {
    if (count++ == 0) first = absl::Now() - start;
    std::cout << token.text() << std::flush;
  }
  const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
  std::cout << "\n";
  if (absl::Status status = tokens.Finish(); !status.ok()) {
    std::cerr << status << "\n";
    return 1;
  }
  std::cout << absl::StrFormat("%d tokens, %.0f tokens/s, first token after %.1f ms\n", count,
                               count / seconds, absl::ToDoubleMilliseconds(first));
  return 0;
}
