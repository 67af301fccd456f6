// A message type that nothing can encode.
// expect: parley::Codec<Question>

#include <string>

#include "parley/parley.h"

struct Question {
  int number = 0;
};
inline constexpr parley::Unary<Question, std::string> kAsk{"story.Teller/Ask"};

#if defined(PARLEY_COMPILES)
template <>
struct parley::Codec<Question> {
  static absl::Status Encode(const Question&, Buffer&) { return absl::OkStatus(); }
  static absl::Status Decode(const Buffer&, Question&) { return absl::OkStatus(); }
  static std::size_t SizeBytes(const Question&) { return 0; }
};
#endif

bool Use(const parley::Client& client) { return client.Call(kAsk, {}).ok(); }
