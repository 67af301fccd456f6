// The queue that keeps its memory.
#include "src/exchange/fifo.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <random>
#include <utility>

namespace parley::detail {
namespace {

using Item = std::unique_ptr<int>;

TEST(Fifo, DoesWhatADequeDoes) {
  std::minstd_rand random(7);
  Fifo<Item> fifo;
  std::deque<int> expected;
  for (int i = 0; i < 20000; ++i) {
    const unsigned what = random() % 16;
    if (what < 7) {
      fifo.Push(std::make_unique<int>(i));
      expected.push_back(i);
    } else if (what == 7) {
      fifo.PushFirst(std::make_unique<int>(i));
      expected.push_front(i);
    } else if (what == 8 && i % 100 == 0) {
      fifo.Clear();
      expected.clear();
    } else if (what == 9) {
      fifo = Fifo<Item>(std::move(fifo));
    } else if (!expected.empty()) {
      ASSERT_EQ(*fifo.Pop(), expected.front());
      expected.pop_front();
    }
    ASSERT_EQ(fifo.size(), expected.size());
    ASSERT_EQ(fifo.empty(), expected.empty());
    for (std::size_t place = 0; place < expected.size(); ++place) {
      ASSERT_EQ(*fifo[place], expected[place]);
    }
  }
}

TEST(Fifo, DestroysWhatItHolds) {
  const auto counted = std::make_shared<int>();
  {
    Fifo<std::shared_ptr<int>> fifo;
    for (int i = 0; i < 9; ++i) fifo.Push(std::shared_ptr<int>(counted));
    EXPECT_EQ(counted.use_count(), 10);
    for (int i = 0; i < 3; ++i) fifo.Pop();
    EXPECT_EQ(counted.use_count(), 7);
    Fifo<std::shared_ptr<int>> other;
    other.Swap(fifo);
    EXPECT_EQ(counted.use_count(), 7);
  }
  EXPECT_EQ(counted.use_count(), 1);
}

}  // namespace
}  // namespace parley::detail
