// The contract of coroutine's server and client.
#ifndef EXAMPLES_COROUTINE_CONTRACT_H_
#define EXAMPLES_COROUTINE_CONTRACT_H_

#include "counter.pb.h"
#include "parley/method.h"

inline constexpr parley::Bidi<counter::Number, counter::Number> kAdd{"counter.Counter/Add"};

#endif  // EXAMPLES_COROUTINE_CONTRACT_H_
