// What a Buffer holds: pieces in order, shared and never copied where they are referenced.
#include "parley/buffer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace parley {
namespace {

// As long as fits into a piece itself, and one more.
const std::string kShort(detail::Block::kInlineBytes, 's');
const std::string kLong(detail::Block::kInlineBytes + 1, 'l');

TEST(Buffer, IsEmptyAtFirst) {
  const Buffer buffer;
  std::string scratch;
  EXPECT_EQ(buffer.size_bytes(), 0u);
  EXPECT_TRUE(buffer.pieces().empty());
  EXPECT_EQ(buffer.Flatten(scratch), "");
  EXPECT_EQ(buffer.ToString(), "");
}

TEST(Buffer, HoldsWhatIsAppendedInOrder) {
  Buffer buffer;
  buffer.Append("one ");
  buffer.Append("");
  buffer.Append(kLong);
  std::memcpy(buffer.Allocate(4), " two", 4);
  EXPECT_EQ(buffer.ToString(), "one " + kLong + " two");
  EXPECT_EQ(buffer.size_bytes(), 8 + kLong.size());
}

TEST(Buffer, KeepsEveryByteValue) {
  std::string bytes;
  for (int c = 0; c < 256; ++c) bytes.push_back(static_cast<char>(c));
  Buffer buffer;
  buffer.Append(bytes);
  buffer.Append(bytes.substr(0, 3));
  EXPECT_EQ(buffer.ToString(), bytes + bytes.substr(0, 3));
}

TEST(Buffer, AllocatesInOnePieceAndAlignedForAnyType) {
  for (const std::size_t size : {std::size_t{25}, std::size_t{4096}, std::size_t{1} << 20}) {
    Buffer buffer;
    char* bytes = buffer.Allocate(size);
    std::memset(bytes, 'x', size);
    ASSERT_EQ(buffer.pieces().size(), 1u);
    EXPECT_EQ(buffer.pieces()[0].data(), bytes);
    EXPECT_EQ(buffer.pieces()[0].size(), size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bytes) % alignof(std::max_align_t), 0u);
  }
  Buffer nothing;
  nothing.Allocate(0);
  EXPECT_EQ(nothing.size_bytes(), 0u);
  EXPECT_EQ(nothing.ToString(), "");
}

TEST(Buffer, TakesReferencesWithoutACopy) {
  const auto owner = std::make_shared<std::string>(1 << 16, 'r');
  Buffer buffer;
  buffer.Append("head");
  buffer.AppendReference(*owner, owner);
  ASSERT_EQ(buffer.pieces().size(), 2u);
  EXPECT_EQ(buffer.pieces()[1].data(), owner->data());
  EXPECT_EQ(buffer.size_bytes(), 4 + owner->size());
  EXPECT_EQ(owner.use_count(), 2);
  {
    const Buffer copy = buffer;
    EXPECT_EQ(owner.use_count(), 2) << "copies share one reference";
    buffer = Buffer();
    EXPECT_EQ(owner.use_count(), 2);
    EXPECT_EQ(copy.pieces()[1].data(), owner->data());
  }
  EXPECT_EQ(owner.use_count(), 1) << "released with the last copy";
}

TEST(Buffer, TakesPiecesOfOtherBuffers) {
  Buffer whole;
  whole.Append(kLong);
  whole.Append(kShort);
  Buffer part;
  part.AppendPiece(whole.pieces()[0]);
  part.AppendPiece(whole.pieces()[1]);
  EXPECT_EQ(part.pieces()[0].data(), whole.pieces()[0].data()) << "long pieces share memory";
  whole = Buffer();
  EXPECT_EQ(part.ToString(), kLong + kShort);
}

TEST(Buffer, CopiesGoOnByThemselves) {
  Buffer first;
  first.Append(kShort);
  first.Append(kLong);
  Buffer second = first;
  first.Append("1");
  second.Append("2");
  EXPECT_EQ(first.ToString(), kShort + kLong + "1");
  EXPECT_EQ(second.ToString(), kShort + kLong + "2");
  second = first;
  EXPECT_EQ(second.ToString(), first.ToString());
}

TEST(Buffer, WhatWasMovedFromIsEmptyAndCanBeUsedAgain) {
  Buffer first;
  first.Append(kLong);
  Buffer second = std::move(first);
  EXPECT_EQ(first.size_bytes(), 0u);  // NOLINT(bugprone-use-after-move): what is tested
  EXPECT_TRUE(first.pieces().empty());
  first.Append(kShort);
  EXPECT_EQ(first.ToString(), kShort);
  first = std::move(second);
  EXPECT_EQ(first.ToString(), kLong);
  EXPECT_EQ(second.ToString(), "");  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(second.size_bytes(), 0u);
}

TEST(Buffer, FlattensWithoutACopyWhereItIsOnePiece) {
  Buffer buffer;
  buffer.Append(kLong);
  std::string scratch = "untouched";
  EXPECT_EQ(buffer.Flatten(scratch).data(), buffer.pieces()[0].data());
  EXPECT_EQ(scratch, "untouched");
  buffer.Append(kShort);
  const std::string_view flat = buffer.Flatten(scratch);
  EXPECT_EQ(flat, kLong + kShort);
  EXPECT_EQ(flat.data(), scratch.data());
}

TEST(Buffer, HoldsManyPieces) {
  Buffer buffer;
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 50), static_cast<char>('a' + i % 26));
    buffer.Append(piece);
    expected += piece;
  }
  EXPECT_EQ(buffer.ToString(), expected);
  const Buffer copy = buffer;
  EXPECT_EQ(copy.ToString(), expected);
}

detail::Block Marked(std::size_t size) {
  detail::Block block = detail::AllocateHeapBlock(size);
  std::memset(block.mutable_data(), 'm', size);
  return block;
}

TEST(Buffer, AllocatesAsItsWireSays) {
  Buffer buffer(Marked);
  buffer.Allocate(3);
  buffer.Allocate(100);
  EXPECT_EQ(buffer.ToString(), std::string(103, 'm'));
  Buffer moved = std::move(buffer);
  moved.Allocate(2);
  EXPECT_EQ(moved.ToString(), std::string(105, 'm'));
}

// The last copy may go on any thread.
TEST(Buffer, CopiesMayBeUsedAndDroppedOnManyThreads) {
  std::atomic<bool> released = false;
  {
    std::string* text = new std::string(1000, 't');
    Buffer buffer;
    buffer.AppendReference(*text, std::shared_ptr<std::string>(text, [&](std::string* owned) {
      delete owned;
      released = true;
    }));
    buffer.Append(kLong);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([buffer, text] {
        for (int j = 0; j < 1000; ++j) {
          const Buffer copy = buffer;
          ASSERT_EQ(copy.pieces()[0].data(), text->data());
          ASSERT_EQ(copy.size_bytes(), 1000 + kLong.size());
        }
      });
    }
    buffer = Buffer();
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_TRUE(released);
}

TEST(Buffer, GivesAPartThatSharesItsMemory) {
  Buffer buffer;
  buffer.Append(kShort);
  buffer.Append(kLong);
  buffer.Append(kShort);
  const std::string all = buffer.ToString();
  for (std::size_t offset = 0; offset <= all.size(); ++offset) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, all.size() - offset}) {
      if (size > all.size() - offset) continue;
      ASSERT_EQ(buffer.Part(offset, size).ToString(), all.substr(offset, size));
    }
  }
  const Buffer part = buffer.Part(kShort.size() + 1, kLong.size() - 1);
  ASSERT_EQ(part.pieces().size(), 1u);
  EXPECT_EQ(part.pieces()[0].data(), buffer.pieces()[1].data() + 1);
}

TEST(Block, HoldsShortBytesItself) {
  const detail::Block empty;
  EXPECT_EQ(empty.view(), "");
  detail::Block block = detail::AllocateHeapBlock(kShort.size());
  EXPECT_EQ(block.ops(), nullptr);
  std::memcpy(block.mutable_data(), kShort.data(), kShort.size());
  detail::Block copy = block;
  copy.mutable_data()[0] = 'x';
  EXPECT_EQ(block.view(), kShort) << "a copy of its own";
  detail::Block& same = copy;
  copy = same;
  EXPECT_EQ(copy.view(), "x" + kShort.substr(1));
  block = std::move(copy);
  EXPECT_EQ(block.view(), "x" + kShort.substr(1));
  EXPECT_EQ(copy.view(), "");  // NOLINT(bugprone-use-after-move)
}

}  // namespace
}  // namespace parley
