#include "parley/detail/call_memory.h"

#include <array>
#include <new>
#include <utility>

#include "absl/base/config.h"

namespace parley::detail {
namespace {

// Sizes are rounded up to these steps, as malloc's are, and larger ones are not kept.
constexpr std::size_t kStepBytes = 16;
constexpr std::size_t kSteps = 256;
// Of each size.
#ifdef ABSL_HAVE_ADDRESS_SANITIZER
constexpr int kMostKept = 0;  // or it would not see who uses what was let go
#else
constexpr int kMostKept = 256;
#endif

// A thread may let go of a call when its own variables are gone already.
thread_local bool ended = false;

constexpr std::size_t StepsOf(std::size_t size_bytes) {
  return (size_bytes + kStepBytes - 1) / kStepBytes;
}

class Kept {
 public:
  ~Kept() {
    ended = true;
    for (List& list : lists_) {
      while (void* const block = list.Pop()) ::operator delete(block);
    }
  }
  // Null if there is none.
  void* Take(std::size_t steps) { return lists_[steps].Pop(); }
  bool Keep(void* block, std::size_t steps) { return lists_[steps].Push(block); }

 private:
  struct Free {
    Free* next;
  };
  class List {
   public:
    void* Pop() {
      if (first_ == nullptr) return nullptr;
      --length_;
      return std::exchange(first_, first_->next);
    }
    bool Push(void* block) {
      if (length_ >= kMostKept) return false;
      ++length_;
      first_ = new (block) Free{first_};
      return true;
    }

   private:
    Free* first_ = nullptr;
    int length_ = 0;
  };

  std::array<List, kSteps> lists_;
};

thread_local Kept kept;

}  // namespace

void* AllocateForCall(std::size_t size_bytes) {
  const std::size_t steps = StepsOf(size_bytes);
  if (steps < kSteps && !ended) {
    if (void* const block = kept.Take(steps)) return block;
  }
  const std::size_t rounded_bytes = steps * kStepBytes;
  return ::operator new(rounded_bytes);
}

void FreeOfCall(void* block, std::size_t size_bytes) {
  const std::size_t steps = StepsOf(size_bytes);
  if (steps < kSteps && !ended && kept.Keep(block, steps)) return;
  ::operator delete(block);
}

}  // namespace parley::detail
