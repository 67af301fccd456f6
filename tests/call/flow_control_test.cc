// Guarantee 6: what queues is bounded. When nobody reads, a writer comes to a stop after what the
// two queues and the transport hold: Write waits, TryWrite says "not now", AsyncWrite is pending.
#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/call/any_call.h"
#include "tests/call/wire_fixture.h"

namespace parley::call_test {
namespace {

constexpr std::size_t kQueueBytes = std::size_t{64} << 10;  // the default, each side
// What gRPC, whose window grows with the connection, and the sockets may hold.
constexpr std::size_t kTransportBytes = std::size_t{16} << 20;
constexpr std::size_t kMessageBytes = 4000;
constexpr std::size_t kOverheadBytes = 64;  // each message's, so that empty ones count too
constexpr int kEndless = 1 << 16;           // messages: far more than may fit

class FlowControl : public EveryWire {
 protected:
  // How many messages of `size_bytes` may be on their way unread.
  int MostUnread(std::size_t size_bytes) const {
    const std::size_t each = size_bytes + kOverheadBytes;
    // A queue takes one message more than it has room for, and one is on its way between the two.
    std::size_t most = 2 * (kQueueBytes / each + 2) + 1;
    if (!local()) most += kTransportBytes / (size_bytes + 5);
    return static_cast<int>(most);
  }

  // Waits until `sent` has stopped rising: calls go to and fro beside it, and it stays.
  int StopsAt(const Client& client, const Counter& sent) {
    int last = -1;
    for (int still = 0; still < 100 && last < kEndless; ++still) {
      const int now = sent.value();
      if (now != last) still = 0;
      last = now;
      EXPECT_EQ(client.AsyncCall(kUnary, "ping").Wait().value_or("an error"), "pong");
    }
    return last;
  }

  void RegisterPing() {
    server().Register(
        kUnary, [](Context&, const std::string&) -> absl::StatusOr<std::string> { return "pong"; });
  }

  Counter sent_;
  Gate may_read_;
};
INSTANTIATE_TEST_SUITE_P(All, FlowControl, testing::ValuesIn(kWires), NameOf<WireRow>);

// Writes messages until it is told that the call is over.
auto EndlessDown(Counter& sent, std::size_t size_bytes) {
  return
      [&sent, size_bytes](Context&, const std::string&, Writer<std::string>& out) -> absl::Status {
        const std::string message(size_bytes, 'x');
        while (sent.value() < kEndless) {
          if (absl::Status status = out.Write(message); !status.ok()) return status;
          sent.Add();
        }
        return absl::OkStatus();
      };
}

TEST_P(FlowControl, StopsAHandlerWhoseClientDoesNotRead) {
  RegisterPing();
  server().Register(kDown, EndlessDown(sent_, kMessageBytes));
  Start();
  const Client client = Connect();
  ClientReader<std::string> reader = client.Call(kDown, "");
  ASSERT_TRUE(sent_.Reaches(1));
  EXPECT_LE(StopsAt(client, sent_), MostUnread(kMessageBytes));
}

// On a socket an empty message is five bytes to gRPC, so that very many are on their way unread.
class LocalFlowControl : public FlowControl {};
INSTANTIATE_TEST_SUITE_P(All, LocalFlowControl, testing::Values(kLocal), NameOf<WireRow>);

TEST_P(LocalFlowControl, StopsAHandlerWhoseMessagesAreEmpty) {
  RegisterPing();
  server().Register(kDown, EndlessDown(sent_, 0));
  Start();
  const Client client = Connect();
  ClientReader<std::string> reader = client.Call(kDown, "");
  ASSERT_TRUE(sent_.Reaches(1));
  EXPECT_LE(StopsAt(client, sent_), MostUnread(0));
}

TEST_P(FlowControl, StopsAClientWhoseHandlerDoesNotRead) {
  RegisterPing();
  server().Register(kUp, [&](Context& ctx, Reader<std::string>&) -> absl::StatusOr<std::string> {
    EXPECT_TRUE(StopRequested(ctx.stop_token()));
    return "";
  });
  Start();
  const Client client = Connect();
  ClientWriter<std::string, std::string> writer = client.Call(kUp);
  absl::Status last;
  std::thread writing([&] {
    const std::string message(kMessageBytes, 'x');
    while (last.ok() && sent_.Add() < kEndless) last = writer.Write(message);
  });
  EXPECT_TRUE(sent_.Reaches(1));
  EXPECT_LE(StopsAt(client, sent_), MostUnread(kMessageBytes));
  writer.Cancel();
  writing.join();
  EXPECT_THAT(last, HasCode(absl::StatusCode::kCancelled));
}

TEST_P(FlowControl, WakesABlockedWriterAtTheDeadline) {
  server().Register(kUp, [&](Context& ctx, Reader<std::string>&) -> absl::StatusOr<std::string> {
    EXPECT_TRUE(StopRequested(ctx.stop_token()));
    return "";
  });
  Start();
  const Client client = Connect();
  ClientWriter<std::string, std::string> writer =
      client.Call(kUp, {.timeout = absl::Milliseconds(300)});
  absl::Status last;
  const std::string message(kMessageBytes, 'x');
  while (last.ok() && sent_.Add() < kEndless) last = writer.Write(message);
  EXPECT_LT(sent_.value(), kEndless);
  EXPECT_FALSE(last.ok());  // with CANCELLED, if that is all that is known yet
  EXPECT_THAT(writer.Finish().status(), HasCode(absl::StatusCode::kDeadlineExceeded));
}

TEST_P(FlowControl, LetsAStoppedWriterGoOnAndKeepsTheOrder) {
  constexpr int kMessages = 4000;
  RegisterPing();
  server().Register(
      kDown, [&](Context&, const std::string&, Writer<std::string>& out) -> absl::Status {
        for (int i = 0; i < kMessages; ++i) {
          absl::Status status = out.Write(absl::StrCat(i, std::string(kMessageBytes, ' ')));
          if (!status.ok()) return status;
          sent_.Add();
        }
        return absl::OkStatus();
      });
  Start();
  const Client client = Connect();
  ClientReader<std::string> reader = client.Call(kDown, "");
  ASSERT_TRUE(sent_.Reaches(1));
  EXPECT_LT(StopsAt(client, sent_), kMessages);
  int next = 0;
  for (const std::string& message : reader) {
    ASSERT_EQ(message.substr(0, message.find(' ')), absl::StrCat(next));
    ++next;
  }
  EXPECT_EQ(next, kMessages);
  EXPECT_EQ(reader.Finish(), absl::OkStatus());
}

TEST_P(FlowControl, TryWriteSaysNotNowAndTheCallGoesOn) {
  Slip<int> full_at;
  Slip<absl::StatusOr<bool>> after_the_end;
  server().Register(
      kDown, [&](Context& ctx, const std::string&, Writer<std::string>& out) -> absl::Status {
        const std::string message(kMessageBytes, 'x');
        int written = 0;
        // A full queue may have room again once the transport has taken a message.
        for (int refused = 0; refused < 100 && written < kEndless;) {
          const absl::StatusOr<bool> took = out.TryWrite(message);
          if (!took.ok()) return took.status();
          *took ? ++written : ++refused;
        }
        full_at.Put(written);
        absl::StatusOr<bool> took = false;
        EXPECT_TRUE(Eventually([&] {
          took = out.TryWrite("the last");
          return !took.ok() || *took;
        }));
        EXPECT_TRUE(StopRequested(ctx.stop_token()));
        after_the_end.Put(out.TryWrite("too late"));
        return took.status();
      });
  Start();
  const Client client = Connect();
  ClientReader<std::string> reader = client.Call(kDown, "");
  const int written = full_at.Take(kEndless);
  EXPECT_GT(written, 0);
  EXPECT_LE(written, MostUnread(kMessageBytes));
  for (int i = 0; i < written; ++i) ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.Next(), "the last");
  reader.Cancel();
  EXPECT_THAT(after_the_end.Take(true).status(), HasCode(absl::StatusCode::kCancelled));
  StopServer();
}

TEST_P(FlowControl, KeepsAnAsyncWritePendingUntilSomebodyReads) {
  using Call = ServerCall<ServerStreaming<std::string, std::string>>;
  RegisterPing();
  Slip<std::shared_ptr<Call>> opened;
  server().Register(kDown, [&](Call call) { opened.Put(std::make_shared<Call>(std::move(call))); });
  Start();
  const Client client = Connect();
  ClientReader<std::string> reader = client.Call(kDown, "");
  std::shared_ptr<Call> call = opened.Take(nullptr);
  ASSERT_NE(call, nullptr);
  const std::string message(kMessageBytes, 'x');
  int written = 0;
  const auto fill = [&] {
    while (written < kEndless && call->TryWrite(message).value_or(false)) ++written;
    return written;
  };
  // Until the transport takes nothing more.
  for (int before = -1; before != written;) {
    before = fill();
    for (int i = 0; i < 50; ++i) EXPECT_TRUE(client.Call(kUnary, "ping").ok());
    fill();
  }
  ASSERT_LT(written, kEndless);
  Slip<absl::Status> done;
  call->AsyncWrite("one more").Then([&](absl::Status status) { done.Put(std::move(status)); });
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(client.Call(kUnary, "ping").ok());
  EXPECT_FALSE(done.is_there());
  for (int i = 0; i < written; ++i) ASSERT_TRUE(reader.Next());
  EXPECT_EQ(done.Take(absl::UnknownError("nothing")), absl::OkStatus());
  EXPECT_EQ(reader.Next(), "one more");
  std::move(*call).Finish(absl::OkStatus());
  call.reset();
  EXPECT_EQ(reader.Next(), std::nullopt);
  EXPECT_EQ(reader.Finish(), absl::OkStatus());
}

class LargeMessage : public EveryKind {};
INSTANTIATE_TEST_SUITE_P(All, LargeMessage,
                         testing::Combine(testing::ValuesIn(kWires), testing::ValuesIn(kKinds)),
                         NameOf<EveryKind::ParamType>);

// Sends `size_bytes` of no simple pattern, and gets them back.
void SendThereAndBack(MethodKind kind, const Client& client, std::size_t size_bytes) {
  std::string large(size_bytes, ' ');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * i >> 8);
  const auto call = AnyCall::Open(client, kind, {}, large);
  EXPECT_EQ(call->Write(large), absl::OkStatus());
  EXPECT_EQ(call->End(), absl::OkStatus());
  ASSERT_EQ(call->responses.size(), 1u);
  EXPECT_TRUE(call->responses[0] == large);
}

TEST_P(LargeMessage, ThatIsLargerThanTheQueuesGoesThroughThem) {
  Serve(Echo);
  SendThereAndBack(kind(), Connect(), 3'000'000);
}

TEST_P(LargeMessage, GoesThroughTheSmallestQueues) {
  ClientOptions options;
  options.send_queue_bytes = options.receive_queue_bytes = 0;
  server_options.send_queue_bytes = server_options.receive_queue_bytes = 0;
  Serve(Echo);
  const Client client = Connect(std::move(options));
  SendThereAndBack(kind(), client, 3'000'000);
  SendThereAndBack(kind(), client, 1);
  SendThereAndBack(kind(), client, 0);
}

}  // namespace
}  // namespace parley::call_test
