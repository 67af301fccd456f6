// Where messages are encoded: each has bytes of its own, for as long as it likes, on any thread.
#include "src/wire/session/message_block.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace parley::detail {
namespace {

Block BlockOf(std::size_t size, char filled) {
  Block block = AllocateMessageBlock(size);
  EXPECT_EQ(block.size(), size);
  std::memset(block.mutable_data(), filled, size);
  return block;
}

TEST(MessageBlock, OfEachMessageIsItsOwn) {
  std::vector<Block> blocks;
  for (std::size_t size = 0; size < 5000; size += 7) {
    blocks.push_back(BlockOf(size, static_cast<char>('a' + blocks.size() % 26)));
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_EQ(blocks[i].view(), std::string(7 * i, static_cast<char>('a' + i % 26)));
  }
}

TEST(MessageBlock, IsAlignedForAnyType) {
  for (std::size_t size = Block::kInlineBytes + 1; size < 600; ++size) {
    const Block block = AllocateMessageBlock(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block.data()) % alignof(std::max_align_t), 0u);
  }
}

TEST(MessageBlock, OutlivesTheThreadThatMadeIt) {
  std::vector<Block> blocks;
  std::thread([&] {
    for (int i = 0; i < 100; ++i) blocks.push_back(BlockOf(100, 'x'));
  }).join();
  for (const Block& block : blocks) EXPECT_EQ(block.view(), std::string(100, 'x'));
}

TEST(MessageBlock, MayBeLetGoOfByAnyThread) {
  for (int round = 0; round < 100; ++round) {
    std::vector<Block> blocks;
    for (int i = 0; i < 100; ++i) blocks.push_back(BlockOf(100, 'x'));
    std::thread other([half = std::vector<Block>(blocks.begin() + 50, blocks.end())] {
      for (const Block& block : half) EXPECT_EQ(block.view(), std::string(100, 'x'));
    });
    blocks.clear();
    for (int i = 0; i < 100; ++i) blocks.push_back(BlockOf(100, 'y'));
    other.join();
  }
}

}  // namespace
}  // namespace parley::detail
