// The queue of messages, and the messages: encoded, owned or lent.
#include "src/exchange/payload_queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "parley/detail/payload.h"

namespace parley::detail {

// A message type that counts its objects, and can't be copied.
struct Counted {
  explicit Counted(std::string held = "") : text(std::move(held)) { ++alive; }
  Counted(Counted&& other) noexcept : text(std::move(other.text)) { ++alive; }
  Counted& operator=(Counted&&) = default;
  ~Counted() { --alive; }
  std::string text;
  static inline int alive = 0;
};

}  // namespace parley::detail

template <>
struct parley::Codec<parley::detail::Counted> {
  static absl::Status Encode(const detail::Counted& value, Buffer& out) {
    if (value.text == "refuse") return absl::InvalidArgumentError("refused");
    out.Append(value.text);
    return absl::OkStatus();
  }
  static absl::Status Decode(const Buffer& in, detail::Counted& out) {
    out.text = in.ToString();
    return absl::OkStatus();
  }
  static std::size_t SizeBytes(const detail::Counted& value) { return value.text.size(); }
};

namespace parley::detail {
namespace {

constexpr std::size_t kOverhead = PayloadQueue::kOverheadBytes;

Payload Bytes(const std::string& text) {
  Buffer buffer;
  buffer.Append(text);
  return Payload(std::move(buffer));
}
Payload Object(const std::string& text) {
  return Payload::Own(&kTypeOps<Counted>, new Counted(text));
}

TEST(PayloadQueue, IsEmptyAtFirst) {
  const PayloadQueue queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.size(), 0u);
  EXPECT_EQ(queue.bytes(), 0u);
}

TEST(PayloadQueue, CountsBytesAndWhatAMessageCostsBesides) {
  PayloadQueue queue;
  queue.Push(Bytes("abc"));
  EXPECT_EQ(queue.bytes(), 3 + kOverhead);
  queue.Push(Payload());
  EXPECT_EQ(queue.bytes(), 3 + 2 * kOverhead) << "empty messages are bounded too";
  queue.Push(Object("twelve bytes"));
  EXPECT_EQ(queue.bytes(), 15 + 3 * kOverhead);
  EXPECT_EQ(queue.size(), 3u);
  EXPECT_EQ(queue.Pop().bytes().ToString(), "abc");
  EXPECT_EQ(queue.bytes(), 12 + 2 * kOverhead);
}

TEST(PayloadQueue, KeepsTheOrderHoweverItIsUsed) {
  PayloadQueue queue;
  std::deque<std::string> expected;
  std::size_t bytes = 0;
  std::mt19937 random(1);
  int next = 0;
  for (int i = 0; i < 100'000; ++i) {
    // Now growing, now shrinking, so that it is emptied and gets long.
    const bool push = expected.empty() || random() % 100 < (i / 1000 % 2 == 0 ? 60u : 40u);
    if (push) {
      expected.push_back(std::to_string(next++));
      bytes += expected.back().size() + kOverhead;
      queue.Push(Bytes(expected.back()));
    } else {
      ASSERT_EQ(queue.Pop().bytes().ToString(), expected.front());
      bytes -= expected.front().size() + kOverhead;
      expected.pop_front();
    }
    ASSERT_EQ(queue.size(), expected.size());
    ASSERT_EQ(queue.empty(), expected.empty());
    ASSERT_EQ(queue.bytes(), bytes);
  }
}

TEST(PayloadQueue, DestroysWhatItHolds) {
  {
    PayloadQueue queue;
    for (int i = 0; i < 100; ++i) queue.Push(Object("x"));
    for (int i = 0; i < 50; ++i) queue.Pop();
    EXPECT_EQ(Counted::alive, 50) << "what was taken is not kept";
    PayloadQueue other = std::move(queue);
    EXPECT_EQ(other.size(), 50u);
  }
  EXPECT_EQ(Counted::alive, 0);
}

TEST(Payload, OwnsAnObjectAndGivesItUpOnce) {
  {
    Payload first = Object("hello");
    EXPECT_FALSE(first.is_bytes());
    EXPECT_EQ(first.size_bytes(), 5u);
    Payload second = std::move(first);
    Payload third;
    third = std::move(second);
    EXPECT_EQ(Counted::alive, 1);
    ASSERT_NE(third.object<Counted>(), nullptr);
    EXPECT_EQ(third.object<Counted>()->text, "hello");
    EXPECT_EQ(third.object<std::string>(), nullptr) << "another type";
    third = Object("world");
    EXPECT_EQ(Counted::alive, 1) << "what it owned before is gone";
    Payload& same = third;
    third = std::move(same);
    EXPECT_EQ(third.object<Counted>()->text, "world");
  }
  EXPECT_EQ(Counted::alive, 0);
}

TEST(Payload, LendsAnObjectWithoutOwningIt) {
  const std::string message = "lent";
  {
    Payload payload = Payload::Borrow(&kTypeOps<std::string>, &message);
    EXPECT_FALSE(payload.owned());
    EXPECT_EQ(payload.object<std::string>(), &message);
    EXPECT_EQ(*TakeMessage<std::string>(std::move(payload)), "lent");
  }
  EXPECT_EQ(message, "lent") << "a lent message is copied, not moved out of";
}

TEST(Payload, BecomesBytesWhenAskedTo) {
  {
    Payload payload = Object("encoded");
    ASSERT_TRUE(payload.ToBytes(AllocateHeapBlock).ok());
    EXPECT_TRUE(payload.is_bytes());
    EXPECT_EQ(payload.bytes().ToString(), "encoded");
    EXPECT_EQ(payload.object<Counted>(), nullptr);
    EXPECT_EQ(Counted::alive, 0);
    EXPECT_TRUE(payload.ToBytes(AllocateHeapBlock).ok()) << "nothing to do for bytes";
  }
  Payload refused = Object("refuse");
  EXPECT_EQ(refused.ToBytes(AllocateHeapBlock).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(refused.object<Counted>(), nullptr) << "it stays what it was";
}

TEST(Payload, IsTakenAsTheTypeThatIsAskedFor) {
  EXPECT_EQ(TakeMessage<Counted>(Object("moved"))->text, "moved");
  EXPECT_EQ(*TakeMessage<std::string>(Object("by way of bytes")), "by way of bytes");
  EXPECT_EQ(TakeMessage<Counted>(Bytes("decoded"))->text, "decoded");
  const Counted lent("lent, and can't be copied");
  EXPECT_EQ(TakeMessage<Counted>(Payload::Borrow(&kTypeOps<Counted>, &lent))->text, lent.text);
  EXPECT_EQ(TakeMessage<std::string>(Object("refuse")).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Payload, KnowsWhetherItsTypeCanBeCopied) {
  EXPECT_EQ(kTypeOps<Counted>.clone, nullptr);
  ASSERT_NE(kTypeOps<std::string>.clone, nullptr);
  const std::string message = "copied";
  const Payload copy = Payload::Own(&kTypeOps<std::string>, kTypeOps<std::string>.clone(&message));
  EXPECT_EQ(*copy.object<std::string>(), message);
  EXPECT_NE(copy.object<std::string>(), &message);
}

}  // namespace
}  // namespace parley::detail
