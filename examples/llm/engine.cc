// The engine of engine.h: whose turn it is, and llama.cpp's loop of decoding and sampling.
#include "engine.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "utf8.h"

namespace {

constexpr std::size_t kContextTokens = 4096;  // prompt and answer together
constexpr std::size_t kPromptBytes = 65536;
constexpr std::size_t kBatchTokens = 512;  // of a prompt, read at once
constexpr std::size_t kMostCallers = 17;   // one that generates and 16 that wait

void LogErrors(ggml_log_level level, const char* text, void*) {
  if (level == GGML_LOG_LEVEL_ERROR) std::fputs(text, stderr);
}
// A generation's errors are in its status; llama.cpp also counts it as one when a caller leaves.
void LogNothing(ggml_log_level, const char*, void*) {}

llama_sampler_ptr MakeSampler(const llama_vocab* vocab, const Sampling& sampling) {
  llama_sampler_ptr chain(llama_sampler_chain_init(llama_sampler_chain_default_params()));
  if (sampling.temperature <= 0) {
    llama_sampler_chain_add(chain.get(), llama_sampler_init_greedy());
    return chain;
  }
  // A model this small goes round in circles unless what it said of late counts for less. The
  // limits are those that Gemma's authors recommend.
  llama_sampler_chain_add(
      chain.get(), llama_sampler_init_penalties(llama_vocab_n_tokens(vocab), 64, 1.1f, 0, 0));
  llama_sampler_chain_add(chain.get(), llama_sampler_init_top_k(64));
  llama_sampler_chain_add(chain.get(), llama_sampler_init_top_p(0.95f, 1));
  llama_sampler_chain_add(chain.get(),
                          llama_sampler_init_temp(static_cast<float>(sampling.temperature)));
  llama_sampler_chain_add(chain.get(), llama_sampler_init_dist(sampling.seed));
  return chain;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::Load(const std::string& path, int threads) {
  llama_log_set(LogErrors, nullptr);
  llama_model_ptr model(llama_model_load_from_file(path.c_str(), llama_model_default_params()));
  if (model == nullptr) {
    return absl::NotFoundError(absl::StrCat("can't load a model from ", path));
  }
  llama_context_params params = llama_context_default_params();
  params.n_ctx = kContextTokens;
  params.n_batch = kBatchTokens;
  params.n_threads = threads;
  params.n_threads_batch = threads;
  llama_context_ptr context(llama_init_from_model(model.get(), params));
  if (context == nullptr) return absl::InternalError("no memory for the model's context");
  llama_log_set(LogNothing, nullptr);
  return std::unique_ptr<Engine>(new Engine(std::move(model), std::move(context)));
}

Engine::Engine(llama_model_ptr model, llama_context_ptr context)
    : model_(std::move(model)), context_(std::move(context)) {}

absl::Status Engine::Generate(std::string_view prompt, const Sampling& sampling,
                              std::stop_token stop, Emit emit) {
  absl::StatusOr<Tokens> tokens = Tokenize(prompt);
  if (!tokens.ok()) return tokens.status();

  std::unique_lock lock(mutex_);
  if (callers_.size() == kMostCallers) {
    return absl::ResourceExhaustedError(absl::StrCat(
        kMostCallers, " callers use the model or wait for it, no more may: try again later"));
  }
  const auto self = callers_.emplace(callers_.end());
  const absl::Cleanup leave = [&] {
    if (!lock.owns_lock()) lock.lock();
    callers_.erase(self);
    front_changed_.notify_all();
  };
  if (!front_changed_.wait(lock, stop, [&] { return self == callers_.begin(); })) {
    return absl::CancelledError("the caller left while waiting for the model");
  }
  lock.unlock();
  return Run(*std::move(tokens), sampling, stop, emit);
}

absl::StatusOr<Engine::Tokens> Engine::Tokenize(std::string_view text) const {
  Tokens tokens(kContextTokens);
  int count = -1;
  if (text.size() <= kPromptBytes) {
    count = llama_tokenize(llama_model_get_vocab(model_.get()), text.data(),
                           static_cast<int>(text.size()), tokens.data(),
                           static_cast<int>(tokens.size()), /*add_special=*/true,
                           /*parse_special=*/false);
  }
  if (count < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("a prompt of ", text.size(), " bytes is too long: the model has room for ",
                     kContextTokens, " tokens and ", kPromptBytes, " bytes"));
  }
  if (count == 0) return absl::InvalidArgumentError("the prompt is empty");
  tokens.resize(static_cast<std::size_t>(count));
  return tokens;
}

absl::Status Engine::Run(Tokens tokens, const Sampling& sampling, std::stop_token stop, Emit emit) {
  // Asked by llama.cpp many times a token, so a long prompt does not outlive its caller either.
  llama_set_abort_callback(
      context_.get(),
      [](void* token) { return static_cast<std::stop_token*>(token)->stop_requested(); }, &stop);
  llama_memory_clear(llama_get_memory(context_.get()), /*data=*/false);
  const llama_vocab* vocab = llama_model_get_vocab(model_.get());
  const llama_sampler_ptr sampler = MakeSampler(vocab, sampling);
  const std::size_t most = std::min(sampling.max_tokens, kContextTokens - tokens.size());
  std::string bytes;
  for (std::size_t i = 0; i < most; ++i) {
    if (stop.stop_requested()) return absl::CancelledError("the caller left");
    if (absl::Status s = Decode(tokens); !s.ok()) return s;
    const llama_token token = llama_sampler_sample(sampler.get(), context_.get(), -1);
    if (llama_vocab_is_eog(vocab, token)) break;
    char piece[256];
    const int size = llama_token_to_piece(vocab, token, piece, sizeof(piece), 0, /*special=*/false);
    if (size < 0) return absl::InternalError("a token of the model is too long");
    bytes.append(piece, static_cast<std::size_t>(size));
    const std::string text = TakeCharacters(bytes);
    if (absl::Status s = text.empty() ? absl::OkStatus() : emit(text); !s.ok()) return s;
    tokens.assign(1, token);
  }
  return absl::OkStatus();
}

// Adds `tokens` to what the model has read, and computes what comes next.
absl::Status Engine::Decode(Tokens& tokens) {
  constexpr int kAborted = 2;
  for (std::size_t i = 0; i < tokens.size(); i += kBatchTokens) {
    const auto size = static_cast<int>(std::min(kBatchTokens, tokens.size() - i));
    const int result = llama_decode(context_.get(), llama_batch_get_one(&tokens[i], size));
    if (result == kAborted) return absl::CancelledError("the caller left");
    if (result != 0) return absl::InternalError(absl::StrCat("llama_decode returned ", result));
  }
  return absl::OkStatus();
}
