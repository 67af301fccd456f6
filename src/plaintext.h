// Where plaintext may go without being asked for.
#ifndef PARLEY_SRC_PLAINTEXT_H_
#define PARLEY_SRC_PLAINTEXT_H_

#include <string_view>

namespace parley::detail {

// Whether `target`, as gRPC spells it, stays on this machine by its spelling alone: unix sockets,
// "localhost" and loopback literals. Other names are not resolved: whoever answers for a name may
// change.
bool IsLoopback(std::string_view target);

}  // namespace parley::detail

#endif  // PARLEY_SRC_PLAINTEXT_H_
