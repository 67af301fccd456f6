#include "parley/detail/call_memory.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include "absl/base/config.h"

#ifndef ABSL_HAVE_ADDRESS_SANITIZER
namespace {
int allocations = 0;
}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* const block = std::malloc(size)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
#endif

namespace parley::detail {
namespace {

#ifndef ABSL_HAVE_ADDRESS_SANITIZER  // nothing is kept from it
TEST(CallMemory, IsUsedAgainForWhatTakesAsMuch) {
  FreeOfCall(AllocateForCall(100), 100);
  const int before = allocations;
  FreeOfCall(AllocateForCall(97), 97);
  EXPECT_EQ(allocations, before);
  FreeOfCall(AllocateForCall(200), 200);
  EXPECT_EQ(allocations, before + 1);
}
#endif

TEST(CallMemory, KeepsTheAlignmentThatATypeAsksFor) {
  struct alignas(128) Wide : InCallMemory {
    char bytes[128];
  };
  for (int i = 0; i < 100; ++i) {
    const auto wide = std::make_unique<Wide>();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(wide.get()) % 128, 0u);
  }
}

}  // namespace
}  // namespace parley::detail
