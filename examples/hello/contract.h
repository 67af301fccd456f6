// The contract of hello's server and client.
#ifndef EXAMPLES_HELLO_CONTRACT_H_
#define EXAMPLES_HELLO_CONTRACT_H_

#include "hello.pb.h"
#include "parley/method.h"

inline constexpr parley::Unary<hello::GreetRequest, hello::GreetResponse> kGreet{
    "hello.Greeter/Greet"};

#endif  // EXAMPLES_HELLO_CONTRACT_H_
