// The story example's language model: a 4-gram model over words with Witten-Bell smoothing, read
// from a plain text when the server starts. It knows nothing of parley; server.cc streams what it
// tells.
#ifndef EXAMPLES_STORY_MODEL_H_
#define EXAMPLES_STORY_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

struct Sampling {
  std::size_t max_tokens = 100;  // a story goes on to the end of its sentence, but not far
  double temperature = 0.7;      // 0: always the likeliest token
  double top_p = 0.95;  // draw among the likeliest tokens that have this probability together
  std::uint64_t seed = 1;
};

// Threads: safe.
class Model {
 public:
  class Story;

  // `text` has an empty line between paragraphs and two between tales.
  explicit Model(std::string_view text);

  // Begins a story that goes on from `prompt`. The model must outlive it.
  Story Continue(std::string_view prompt, const Sampling& sampling) const;

 private:
  using Token = std::uint32_t;  // an index into pieces_

  Token Find(const std::string& piece) const;
  std::span<const Token> Text(std::size_t position, std::size_t size) const;
  // The probability of each token to follow `context`.
  std::vector<double> Next(std::span<const Token> context) const;

  std::vector<std::string> pieces_;  // words and marks with the space before them
  std::unordered_map<std::string, Token> tokens_;
  std::vector<Token> text_;
  std::vector<std::uint32_t>
      sorted_;                      // the text's positions in the order of the tokens found there
  std::vector<double> anywhere_;    // each token's probability, whatever came before
  std::vector<double> after_rare_;  // after a word that occurs once, and so after an unknown one
};

// One story being told. The same text, prompt and sampling tell the same story.
class Model::Story {
 public:
  // The next piece of the story, or nothing when it has ended. A story is its pieces put together.
  std::optional<std::string> Next();

 private:
  friend class Model;
  Story(const Model& model, std::string_view prompt, const Sampling& sampling);

  void Append(Token token);
  Token Draw();

  const Model* model_;
  Sampling sampling_;
  std::mt19937_64 random_;
  std::vector<Token> context_;  // the prompt and what was told since
  std::string last_;            // the newest piece of it
  std::size_t told_ = 0;
  bool in_speech_ = false;
  bool skip_space_;  // the prompt has it already
  bool ended_ = false;
};

#endif  // EXAMPLES_STORY_MODEL_H_
