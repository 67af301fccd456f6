// How an owner of bytes that counts those who share it becomes a block's owner.
#ifndef PARLEY_SRC_COUNTED_OWNER_H_
#define PARLEY_SRC_COUNTED_OWNER_H_

#include <atomic>

#include "parley/detail/block.h"

namespace parley::detail {

// `Owner` has a member std::atomic<int> references, which begins at 1, and is deleted with the last.
template <class Owner>
inline constexpr OwnerOps kCountedOps = {
    [](void* owner) {
      static_cast<Owner*>(owner)->references.fetch_add(1, std::memory_order_relaxed);
    },
    [](void* owner) {
      auto* const counted = static_cast<Owner*>(owner);
      if (counted->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete counted;
    },
};

}  // namespace parley::detail

#endif  // PARLEY_SRC_COUNTED_OWNER_H_
