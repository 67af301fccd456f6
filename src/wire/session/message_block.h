// Where messages for a session are encoded.
#ifndef PARLEY_SRC_WIRE_SESSION_MESSAGE_BLOCK_H_
#define PARLEY_SRC_WIRE_SESSION_MESSAGE_BLOCK_H_

#include <cstddef>

#include "parley/detail/block.h"

namespace parley::detail {

// Short messages, which a session copies among its frames, are made many to a piece of memory; longer
// ones in slices, which can be sent from where they are. Any thread.
Block AllocateMessageBlock(std::size_t size);

// The same for what is not going to be sent: longer ones have memory of their own.
Block AllocateCopyBlock(std::size_t size);

}  // namespace parley::detail

#endif  // PARLEY_SRC_WIRE_SESSION_MESSAGE_BLOCK_H_
