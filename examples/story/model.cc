// The model of model.h: reading a text, the smoothed distribution of the next token, and drawing
// from it.
#include "model.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

namespace {

constexpr std::size_t kOrder = 4;            // a token and the three before it
constexpr double kTrust = 2;                 // in a context's own counts; Witten and Bell have 1
constexpr std::ptrdiff_t kCandidates = 256;  // the most that are drawn among
constexpr std::size_t kSentenceLimit = 120;  // tokens told beyond max_tokens to end a sentence
constexpr std::ptrdiff_t kNoRepeat = 5;      // tokens told before, and the one that followed
constexpr std::uint32_t kUnknown = UINT32_MAX;
constexpr char kParagraph[] = "\n\n";
constexpr char kTheEnd[] = "\n\n\n";

bool IsSpace(char c) { return std::isspace(static_cast<unsigned char>(c)); }

bool IsLetter(char c) { return std::isalnum(static_cast<unsigned char>(c)) || (c & 0x80); }

// Letters, and the apostrophes and hyphens of "don't", "kings' sons" and "night-time".
bool IsWord(std::string_view text, std::size_t i) {
  if (IsLetter(text[i])) return true;
  if (i == 0 || !IsLetter(text[i - 1]) || (text[i] != '\'' && text[i] != '-')) return false;
  if (i + 1 < text.size() && IsLetter(text[i + 1])) return true;
  return text[i] == '\'' && text[i - 1] == 's';
}

std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> pieces;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t begin = i;
    while (i < text.size() && IsSpace(text[i])) ++i;
    const auto lines = std::count(text.begin() + begin, text.begin() + i, '\n');
    if (lines > 1) pieces.push_back(lines == 2 ? kParagraph : kTheEnd);
    if (i == text.size()) break;
    std::string piece(i > begin && lines < 2 ? " " : "");
    begin = i;
    while (i < text.size() && IsWord(text, i)) ++i;
    if (i == begin) i += text.substr(i).starts_with("--") ? 2 : 1;
    pieces.push_back(piece.append(text.substr(begin, i - begin)));
  }
  return pieces;
}

bool EndsSentence(std::string_view piece) { return piece == "." || piece == "!" || piece == "?"; }

}  // namespace

Model::Model(std::string_view text) {
  std::vector<std::string> pieces = Split(text);
  pieces.insert(pieces.begin(), kTheEnd);  // a tale begins where another has ended
  for (std::string& piece : pieces) {
    const auto [known, is_new] = tokens_.try_emplace(piece, pieces_.size());
    if (is_new) pieces_.push_back(std::move(piece));
    text_.push_back(known->second);
  }

  sorted_.resize(text_.size());
  std::iota(sorted_.begin(), sorted_.end(), 0);
  std::ranges::sort(sorted_, std::ranges::lexicographical_compare,
                    [this](std::uint32_t position) { return Text(position, kOrder); });

  std::vector<double> count(pieces_.size());
  for (Token token : text_) ++count[token];
  const double size = static_cast<double>(text_.size());
  for (double n : count) anywhere_.push_back(n / size);

  const double rare = static_cast<double>(std::ranges::count(count, 1));
  after_rare_.resize(pieces_.size());
  for (std::size_t i = 1; i < text_.size(); ++i) {
    if (count[text_[i - 1]] == 1) after_rare_[text_[i]] += 1 / rare;
  }
}

std::span<const Model::Token> Model::Text(std::size_t position, std::size_t size) const {
  return std::span(text_).subspan(position, std::min(size, text_.size() - position));
}

// As it is written, else with or without the space, else in lower case, else as a name.
Model::Token Model::Find(const std::string& piece) const {
  std::string word = piece.substr(piece.starts_with(' '));
  std::string lower = word;
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  std::string name = lower;
  name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
  for (const std::string& form : {piece, word, " " + word, " " + lower, lower, " " + name, name}) {
    if (auto known = tokens_.find(form); known != tokens_.end()) return known->second;
  }
  return kUnknown;
}

std::vector<double> Model::Next(std::span<const Token> context) const {
  std::vector<double> next = anywhere_;
  if (context.back() == kUnknown) {
    for (std::size_t i = 0; i < next.size(); ++i) next[i] = 0.1 * next[i] + 0.9 * after_rare_[i];
  }
  // A context seen n times, before d different tokens, leaves d / (kTrust * n + d) to the next
  // shorter one.
  for (std::size_t size = 1; size < kOrder && size <= context.size(); ++size) {
    auto text = [=, this](std::uint32_t place) { return Text(place, size); };
    const auto words = context.last(size);
    const auto less = std::ranges::lexicographical_compare;
    const auto end = std::ranges::upper_bound(sorted_, words, less, text);
    std::vector<Token> followers;  // equal ones side by side
    for (auto place = std::ranges::lower_bound(sorted_, words, less, text); place != end; ++place) {
      if (*place + size < text_.size()) followers.push_back(text_[*place + size]);
    }
    if (followers.empty()) break;
    double different = 1;
    for (std::size_t i = 1; i < followers.size(); ++i) {
      different += followers[i] != followers[i - 1];
    }
    const double share = 1 / (kTrust * static_cast<double>(followers.size()) + different);
    for (double& probability : next) probability *= different * share;
    for (Token token : followers) next[token] += kTrust * share;
  }
  return next;
}

Model::Story Model::Continue(std::string_view prompt, const Sampling& sampling) const {
  return Story(*this, prompt, sampling);
}

Model::Story::Story(const Model& model, std::string_view prompt, const Sampling& sampling)
    : model_(&model),
      sampling_(sampling),
      // With the prompt, as the model can't tell two unknown words apart.
      random_(sampling.seed + std::hash<std::string_view>()(prompt)),
      skip_space_(prompt.empty() || IsSpace(prompt.back())) {
  Append(model.Find(kTheEnd));
  for (const std::string& piece : Split(prompt)) Append(model.Find(piece));
}

void Model::Story::Append(Token token) {
  context_.push_back(token);
  last_ = token == kUnknown ? "" : model_->pieces_[token];
  if (last_.ends_with('"')) in_speech_ = !in_speech_;
}

std::optional<std::string> Model::Story::Next() {
  if (ended_) return std::nullopt;
  if (told_ >= sampling_.max_tokens && EndsSentence(last_)) {
    ended_ = true;
    return in_speech_ ? std::optional("\"") : std::nullopt;
  }
  Append(Draw());
  ended_ = last_ == kTheEnd || ++told_ == sampling_.max_tokens + kSentenceLimit;
  if (last_ == kTheEnd) return std::nullopt;
  const bool skip = std::exchange(skip_space_, false) && last_.starts_with(' ');
  return last_.substr(skip);
}

Model::Token Model::Story::Draw() {
  std::vector<double> next = model_->Next(context_);
  auto forbid = [&](const char* piece) {
    if (auto known = model_->tokens_.find(piece); known != model_->tokens_.end())
      next[known->second] = 0;
  };
  if (in_speech_) {  // it closes before anything else begins
    for (const char* piece : {" \"", kParagraph, kTheEnd}) forbid(piece);
  } else if (last_ != kParagraph && last_ != kTheEnd) {
    forbid("\"");
  }
  if (told_ <= sampling_.max_tokens / 2) forbid(kTheEnd);  // else one in 25 ends in a sentence
  // Nor does a story go round in circles: it says no six tokens twice.
  for (std::size_t i = kNoRepeat; i < context_.size(); ++i) {
    const bool again =
        std::equal(context_.end() - kNoRepeat, context_.end(), &context_[i] - kNoRepeat);
    if (again && context_[i] != kUnknown) next[context_[i]] = 0;
  }

  std::vector<Token> likely(next.size());
  std::iota(likely.begin(), likely.end(), 0);
  const auto end = likely.begin() + std::min(std::ssize(likely), kCandidates);
  std::ranges::partial_sort(likely, end, std::greater(), [&](Token token) { return next[token]; });
  if (sampling_.temperature <= 0) return likely.front();

  const double enough = sampling_.top_p * std::reduce(next.begin(), next.end());
  double covered = 0;
  std::vector<double> weights;
  for (auto token = likely.begin(); token != end && covered < enough; ++token) {
    covered += next[*token];
    weights.push_back(std::pow(next[*token] / next[likely.front()], 1 / sampling_.temperature));
  }
  double left =
      static_cast<double>(random_() >> 11) * 0x1p-53 * std::reduce(weights.begin(), weights.end());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if ((left -= weights[i]) < 0) return likely[i];
  }
  return likely.front();
}
