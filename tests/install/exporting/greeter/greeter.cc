// The greeter library.

#include "greeter.h"

namespace greeter {

Greeting Greet() {
  Greeting greeting;
  greeting.set_text("hello from ");
  return greeting;
}

}  // namespace greeter
