// A server of the contract's methods, for the fragments that are run.
#ifndef TELLER_H_
#define TELLER_H_

#include <cstdint>
#include <optional>
#include <sstream>
#include <string>

#include "contract.h"

// Registers all methods: Ask and Tell answer with the words they got, Upload counts bytes, Listen
// answers each message.
inline void RegisterTeller(parley::Server& server) {
  server.Register(kAsk, [](parley::Context&, const Question& question) -> absl::StatusOr<Answer> {
    if (question.text().empty()) return absl::InvalidArgumentError("no question");
    Answer answer;
    answer.set_text(question.text());
    return answer;
  });
  server.Register(kTell, [](parley::Context&, const Prompt& prompt, parley::Writer<Token>& out) {
    std::istringstream words(prompt.text());
    Token token;
    for (std::string word; words >> word;) {
      token.set_text(word + " ");
      if (absl::Status s = out.Write(token); !s.ok()) return s;
    }
    return absl::OkStatus();
  });
  server.Register(kUpload,
                  [](parley::Context&, parley::Reader<Chunk>& chunks) -> absl::StatusOr<Summary> {
                    std::uint64_t bytes = 0;
                    for (const Chunk& chunk : chunks) bytes += chunk.data().size();
                    if (absl::Status s = chunks.status(); !s.ok()) return s;
                    Summary summary;
                    summary.set_bytes(bytes);
                    return summary;
                  });
  server.Register(
      kListen,
      [](parley::Context&, parley::Reader<Audio>& in, parley::Writer<Speech>& out) -> absl::Status {
        for (const Audio& audio : in) {
          Speech speech;
          speech.set_text(audio.samples());
          if (absl::Status s = out.Write(speech); !s.ok()) return s;
        }
        return in.status();
      });
}

// What the fragments ask for.
inline Question AQuestion() {
  Question question;
  question.set_text("Who lives in the wood?");
  return question;
}
inline Prompt APrompt() {
  Prompt prompt;
  prompt.set_text("Once upon a time");
  return prompt;
}

#endif  // TELLER_H_
