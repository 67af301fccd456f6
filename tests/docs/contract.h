// The contract that the documents' examples speak of, one method of each kind.

#ifndef CONTRACT_H_
#define CONTRACT_H_

#include "parley/parley.h"
#include "story.pb.h"

using story::Answer;
using story::Audio;
using story::Chunk;
using story::Prompt;
using story::Question;
using story::Speech;
using story::Summary;
using story::Token;

inline constexpr parley::Unary<Question, Answer> kAsk{"story.Teller/Ask"};
inline constexpr parley::ServerStreaming<Prompt, Token> kTell{"story.Teller/Tell"};
inline constexpr parley::ClientStreaming<Chunk, Summary> kUpload{"story.Teller/Upload"};
inline constexpr parley::Bidi<Audio, Speech> kListen{"story.Teller/Listen"};

#endif  // CONTRACT_H_
