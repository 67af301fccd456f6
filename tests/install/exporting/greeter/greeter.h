// A library's public header that names messages and parley.

#ifndef GREETER_H_
#define GREETER_H_

#include <string>

#include "greeting.pb.h"
#include "parley/parley.h"

namespace greeter {

inline constexpr parley::Unary<Greeting, Greeting> kGreet{"greeter.Greeter/Greet"};

// Adds the greeting to a server of the caller's.
void RegisterGreeter(parley::Server& server);

inline std::string RunsOn() { return parley::Version(); }

}  // namespace greeter

#endif  // GREETER_H_
