// Text out of a model's tokens: a token may end in the middle of a character, or hold bytes that
// are no text at all, while a protobuf string must be valid UTF-8.
#ifndef EXAMPLES_LLM_UTF8_H_
#define EXAMPLES_LLM_UTF8_H_

#include <string>

// Takes the whole characters from the front of `bytes` and leaves the beginning of one whose end is
// still to come. Bytes that are no character become U+FFFD.
std::string TakeCharacters(std::string& bytes);

#endif  // EXAMPLES_LLM_UTF8_H_
