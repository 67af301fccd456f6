// The greeter library.

#include "greeter.h"

namespace greeter {

void RegisterGreeter(parley::Server& server) {
  server.Register(kGreet,
                  [](parley::Context&, const Greeting& greeting) -> absl::StatusOr<Greeting> {
                    Greeting answer;
                    answer.set_text("hello from " + greeting.text());
                    return answer;
                  });
}

}  // namespace greeter
