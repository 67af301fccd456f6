#include "parley/detail/call_memory.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <new>

#include "absl/base/config.h"

namespace parley::detail {
namespace {

#ifndef ABSL_HAVE_ADDRESS_SANITIZER  // nothing is kept from it
TEST(CallMemory, IsUsedAgainForWhatTakesAsMuch) {
  void* const block = AllocateForCall(100);
  FreeOfCall(block, 100);
  // As much again from malloc, which would give what it had just got back.
  void* const taken = ::operator new(112);
  void* const larger = AllocateForCall(113);
  void* const again = AllocateForCall(97);
  EXPECT_NE(larger, block);
  EXPECT_EQ(again, block);
  FreeOfCall(again, 97);
  FreeOfCall(larger, 113);
  ::operator delete(taken);
}

// As large as a plain call with what gRPC keeps in it.
TEST(CallMemory, IsUsedAgainForLargeCalls) {
  void* const block = AllocateForCall(3000);
  FreeOfCall(block, 3000);
  void* const taken = ::operator new(3008);
  void* const again = AllocateForCall(3000);
  EXPECT_EQ(again, block);
  FreeOfCall(again, 3000);
  ::operator delete(taken);
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
