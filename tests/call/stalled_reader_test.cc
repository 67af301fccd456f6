// One of many streams that nobody reads: what is held for it stays within its bounds, the others go on
// as if it were not there, and when it is read again nothing is missing.
#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/call/any_call.h"
#include "tests/call/spawn.h"
#include "tests/call/wire_fixture.h"

namespace parley::call_test {
namespace {

constexpr int kStreams = 64;
constexpr int kBefore = 50;  // messages that each stream gets before one of them is left alone
constexpr int kMessages = 1000;
constexpr std::size_t kMessageBytes = 1000;
constexpr std::size_t kCostBytes = kMessageBytes + 64;  // to the queues
constexpr std::size_t kQueueBytes = std::size_t{64} << 10;
// What gRPC and the sockets may hold of a call of its own.
constexpr std::size_t kTransportBytes = std::size_t{16} << 20;

std::string MessageOf(int number) {
  std::string message = absl::StrCat(number, " ");
  message.resize(kMessageBytes, 'x');
  return message;
}

class StalledReader : public EveryWire {
 protected:
  StalledReader() {
    server_options.send_queue_bytes = kQueueBytes;
    RegisterScript(server(), engine_, MethodKind::kServerStreaming, Form::kCoroutine,
                   [this](Part& part) -> Task<absl::Status> {
                     int stream = 0;
                     const std::optional<std::string> request = co_await part.Next();
                     if (!absl::SimpleAtoi(request.value_or(""), &stream)) {
                       co_return absl::InvalidArgumentError("");
                     }
                     absl::Status written;
                     for (int number = 0; number < kMessages && written.ok(); ++number) {
                       written = co_await part.Write(MessageOf(number));
                       if (written.ok()) ++sent_[static_cast<std::size_t>(stream)];
                     }
                     co_return written;
                   });
    Start();
  }

  // Reads the stream up to a message, checks the order, and tells `done`.
  static Task<void> ReadTo(ClientReader<std::string>& reader, int& next, int end, Counter& done) {
    bool ordered = true;
    while (next < end) {
      const std::optional<std::string> message = co_await reader.AsyncNext();
      if (!message) break;
      ordered = ordered && *message == MessageOf(next);
      ++next;
    }
    EXPECT_EQ(next, end);
    EXPECT_TRUE(ordered);
    done.Add();
  }

  Engine engine_;
  std::array<std::atomic<int>, kStreams> sent_ = {};
  Counter begun_, read_;
};
// On a session the bound is a tight one: gRPC does not wait for the reader of one stream.
INSTANTIATE_TEST_SUITE_P(All, StalledReader, testing::ValuesIn(kWires), NameOf<WireRow>);

TEST_P(StalledReader, IsNotSentMoreThanItsBoundWhileOthersGoOn) {
  ClientOptions options;
  options.receive_queue_bytes = kQueueBytes;
  const Client client = Connect(std::move(options));
  std::vector<ClientReader<std::string>> readers;
  std::array<int, kStreams> next = {};
  for (int i = 0; i < kStreams; ++i) readers.push_back(client.Call(kDown, absl::StrCat(i)));
  for (std::size_t i = 0; i < kStreams; ++i) Spawn(ReadTo(readers[i], next[i], kBefore, begun_));
  ASSERT_TRUE(begun_.Reaches(kStreams));

  for (std::size_t i = 1; i < kStreams; ++i) Spawn(ReadTo(readers[i], next[i], kMessages, read_));
  ASSERT_TRUE(read_.Reaches(kStreams - 1));
  // Each queue takes one message more than it has room for.
  std::size_t most = kBefore + 2 * (kQueueBytes / kCostBytes + 1) + 2;
  if (GetParam().wire == Wire::kPlain && !local()) most += kTransportBytes / kMessageBytes;
  EXPECT_LE(static_cast<std::size_t>(sent_[0]), most);

  Spawn(ReadTo(readers[0], next[0], kMessages, read_));
  ASSERT_TRUE(read_.Reaches(kStreams));
  for (ClientReader<std::string>& reader : readers) {
    EXPECT_EQ(reader.Next(), std::nullopt);
    EXPECT_EQ(reader.Finish(), absl::OkStatus());
  }
}

}  // namespace
}  // namespace parley::call_test
