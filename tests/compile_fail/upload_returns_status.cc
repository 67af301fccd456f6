// The same for client streaming, which has one response too.
// expect: parley: OK without a response can't be said

#include <string>

#include "parley/parley.h"

inline constexpr parley::ClientStreaming<std::string, std::string> kUpload{"story.Teller/Upload"};

#if defined(PARLEY_COMPILES)
using Result = absl::StatusOr<std::string>;
#else
using Result = absl::Status;
#endif

void Use(parley::Server& server) {
  server.Register(kUpload, [](parley::Context&, parley::Reader<std::string>&) -> Result {
    return absl::UnimplementedError("not yet");
  });
}
