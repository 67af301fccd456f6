// A language model in a GGUF file, run by llama.cpp. It knows nothing of parley; server.cc streams
// what it generates.
#ifndef EXAMPLES_LLM_ENGINE_H_
#define EXAMPLES_LLM_ENGINE_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "llama-cpp.h"

struct Sampling {
  std::size_t max_tokens = 100;
  double temperature = 0.4;  // 0: always the likeliest token
  std::uint32_t seed = 1;
};

// One model with memory for one generation, which callers take turns to use.
//
// Threads: safe.
class Engine {
 public:
  using Emit = absl::FunctionRef<absl::Status(std::string_view text)>;

  // `threads` compute each token.
  static absl::StatusOr<std::unique_ptr<Engine>> Load(const std::string& path, int threads);

  // Goes on from `prompt` and passes on each piece of text as soon as it is computed, until the
  // model ends the text, max_tokens are there, or no room is left.
  //
  // Blocks: while callers that came before generate, then for as long as the generation takes.
  // Errors: CANCELLED soon after `stop` is requested, be it while waiting, while reading the prompt
  //         or between tokens; what `emit` returned, unless it is OK; RESOURCE_EXHAUSTED if too
  //         many wait already; INVALID_ARGUMENT for a prompt that the model has no room for.
  absl::Status Generate(std::string_view prompt, const Sampling& sampling, std::stop_token stop,
                        Emit emit);

 private:
  using Tokens = std::vector<llama_token>;

  Engine(llama_model_ptr model, llama_context_ptr context);

  absl::StatusOr<Tokens> Tokenize(std::string_view text) const;
  absl::Status Run(Tokens tokens, const Sampling& sampling, std::stop_token stop, Emit emit);
  absl::Status Decode(Tokens& tokens);

  const llama_model_ptr model_;
  const llama_context_ptr context_;  // used by the caller in front

  std::mutex mutex_;
  std::condition_variable_any front_changed_;
  std::list<std::monostate> callers_;  // the one that generates, then those that wait
};

#endif  // EXAMPLES_LLM_ENGINE_H_
