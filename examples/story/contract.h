// The contract of story's server and client, the same as that of llm.
#ifndef EXAMPLES_STORY_CONTRACT_H_
#define EXAMPLES_STORY_CONTRACT_H_

#include "parley/method.h"
#include "story.pb.h"

inline constexpr parley::ServerStreaming<story::Prompt, story::Token> kTell{"story.Teller/Tell"};

#endif  // EXAMPLES_STORY_CONTRACT_H_
