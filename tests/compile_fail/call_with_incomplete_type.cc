// Methods don't need complete message types; calls do.
// expect: incomplete type

#include <string>

#include "parley/parley.h"

struct Answer;
inline constexpr parley::Unary<std::string, Answer> kAsk{"story.Teller/Ask"};

#if defined(PARLEY_COMPILES)
struct Answer {};
template <>
struct parley::Codec<Answer> {
  static absl::Status Encode(const Answer&, Buffer&) { return absl::OkStatus(); }
  static absl::Status Decode(const Buffer&, Answer&) { return absl::OkStatus(); }
  static std::size_t SizeBytes(const Answer&) { return 0; }
};
#endif

bool Use(const parley::Client& client) { return client.Call(kAsk, "question").ok(); }
