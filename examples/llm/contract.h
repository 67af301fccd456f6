// The contract of llm's server and client, the same as that of story.
#ifndef EXAMPLES_LLM_CONTRACT_H_
#define EXAMPLES_LLM_CONTRACT_H_

#include "parley/method.h"
#include "story.pb.h"

inline constexpr parley::ServerStreaming<story::Prompt, story::Token> kTell{"story.Teller/Tell"};

#endif  // EXAMPLES_LLM_CONTRACT_H_
