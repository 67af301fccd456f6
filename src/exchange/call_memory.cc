#include "src/exchange/call_memory.h"

#include <new>
#include <vector>

namespace parley::detail {
namespace {

// Of each size; there are as many sizes as kinds of call.
constexpr std::size_t kMostKept = 256;

// A thread may let go of a call when its own variables are gone already.
thread_local bool ended = false;

class Kept {
 public:
  ~Kept() {
    ended = true;
    for (const Size& size : sizes_) {
      for (void* block : size.blocks) ::operator delete(block);
    }
  }
  std::vector<void*>& Of(std::size_t size_bytes) {
    for (Size& size : sizes_) {
      if (size.bytes == size_bytes) return size.blocks;
    }
    return sizes_.emplace_back(Size{size_bytes, {}}).blocks;
  }

 private:
  struct Size {
    std::size_t bytes;
    std::vector<void*> blocks;
  };
  std::vector<Size> sizes_;
};

thread_local Kept kept;

}  // namespace

void* AllocateForCall(std::size_t size_bytes) {
  if (ended) return ::operator new(size_bytes);
  std::vector<void*>& blocks = kept.Of(size_bytes);
  if (blocks.empty()) return ::operator new(size_bytes);
  void* const block = blocks.back();
  blocks.pop_back();
  return block;
}

void FreeOfCall(void* block, std::size_t size_bytes) {
  if (!ended) {
    std::vector<void*>& blocks = kept.Of(size_bytes);
    if (blocks.size() < kMostKept) return blocks.push_back(block);
  }
  ::operator delete(block);
}

}  // namespace parley::detail
