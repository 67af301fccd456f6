// A library's public header that names messages and parley.

#ifndef GREETER_H_
#define GREETER_H_

#include <string>

#include "greeting.pb.h"
#include "parley/version.h"

namespace greeter {

Greeting Greet();

inline std::string Runs() { return parley::Version(); }

}  // namespace greeter

#endif  // GREETER_H_
