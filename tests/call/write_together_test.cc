// What an engine writes in one step leaves together: on a session in one message, on every wire soon
// enough.
#include "parley/write_together.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "parley/v1/session.pb.h"
#include "tests/call/any_call.h"
#include "tests/call/wire_fixture.h"

namespace parley::call_test {
namespace {

using Down = ServerStreaming<std::string, std::string>;
using Both = Bidi<std::string, std::string>;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

TEST(WriteTogether, ReturnsWhatTheStepReturns) {
  int number = 1;
  static_assert(std::is_same_v<decltype(WriteTogether([&]() -> int& { return number; })), int&>);
  EXPECT_EQ(&WriteTogether([&]() -> int& { return number; }), &number);
  EXPECT_EQ(*WriteTogether([] { return std::make_unique<int>(2); }), 2);
  WriteTogether([&] { number = 3; });
  EXPECT_EQ(number, 3);
}

// Calls of a method whose handler leaves them to the test.
class OpenCalls {
 public:
  void Serve(Server& server) {
    server.Register(kDown, [this](ServerCall<Down> call) {
      {
        const std::lock_guard lock(mutex_);
        calls_.push_back(std::move(call));
      }
      came_.Add();
    });
  }
  testing::AssertionResult Come(std::size_t count) {
    return came_.Reaches(static_cast<int>(count));
  }

  // To the call that came as number `call`, from 0.
  void Write(std::size_t call, const std::string& message) {
    const std::lock_guard lock(mutex_);
    EXPECT_EQ(calls_[call].Write(message), absl::OkStatus());
  }
  void EndAll() {
    const std::lock_guard lock(mutex_);
    for (ServerCall<Down>& call : calls_) std::move(call).Finish(absl::OkStatus());
    calls_.clear();
  }

 private:
  std::mutex mutex_;
  std::vector<ServerCall<Down>> calls_;
  Counter came_;
};

class WriteTogetherOnEveryWire : public EveryWire {
 protected:
  OpenCalls calls_;
};
INSTANTIATE_TEST_SUITE_P(All, WriteTogetherOnEveryWire, testing::ValuesIn(kWires), NameOf<WireRow>);

TEST_P(WriteTogetherOnEveryWire, SendsWhenTheStepHasEnded) {
  constexpr std::size_t kCalls = 20;
  calls_.Serve(server());
  Start();
  const Client client = Connect();
  std::vector<ClientReader<std::string>> readers;
  for (std::size_t i = 0; i < kCalls; ++i) {
    readers.push_back(client.Call(kDown, ""));
    ASSERT_TRUE(calls_.Come(i + 1));
  }
  WriteTogether([&] {
    for (std::size_t i = 0; i < kCalls; ++i) calls_.Write(i, absl::StrCat(i));
  });
  for (std::size_t i = 0; i < kCalls; ++i) EXPECT_EQ(readers[i].Next(), absl::StrCat(i));
  WriteTogether([&] { calls_.EndAll(); });
  for (ClientReader<std::string>& reader : readers) {
    EXPECT_EQ(reader.Next(), std::nullopt);
    EXPECT_EQ(reader.Finish(), absl::OkStatus());
  }
}

TEST_P(WriteTogetherOnEveryWire, SendsWhenTheStepThrows) {
  calls_.Serve(server());
  Start();
  const Client client = Connect();
  ClientReader<std::string> reader =
      client.Call(kDown, "", {.timeout = absl::FromChrono(kPatience)});
  ASSERT_TRUE(calls_.Come(1));
  const auto step = [&] {
    calls_.Write(0, "token");
    throw std::runtime_error("the model has failed");
  };
  EXPECT_THROW(WriteTogether(step), std::runtime_error);
  EXPECT_EQ(reader.Next(), "token");
  calls_.EndAll();
}

// Or else it would wait for the answer to what is kept back.
TEST_P(WriteTogetherOnEveryWire, SendsBeforeItsThreadWaits) {
  Slip<std::optional<ServerCall<Both>>> came;
  server().Register(kBoth, [&](ServerCall<Both> call) { came.Put(std::move(call)); });
  Start();
  const Client client = Connect();
  auto stream = client.Call(kBoth, {.timeout = absl::FromChrono(kPatience)});
  EXPECT_EQ(stream.Write("begin"), absl::OkStatus());
  std::optional<ServerCall<Both>> call = came.Take(std::nullopt);
  ASSERT_TRUE(call.has_value());
  std::thread answering([&] {
    while (stream.Next()) EXPECT_EQ(stream.Write("answer"), absl::OkStatus());
    EXPECT_EQ(stream.Finish(), absl::OkStatus());
  });
  EXPECT_EQ(call->Next(), "begin");
  for (int i = 0; i < 10; ++i) {
    WriteTogether([&] {
      EXPECT_EQ(call->Write("question"), absl::OkStatus());
      EXPECT_EQ(call->Next(), "answer");
    });
  }
  std::move(*call).Finish(absl::OkStatus());
  answering.join();
}

// The handler is the caller's own to run, and may wait for what was said before.
TEST_P(WriteTogetherOnEveryWire, SendsBeforeItsThreadRunsAHandler) {
  Gate seen;
  server().Register(kUnary,
                    [&](const Context&, const std::string& text) -> absl::StatusOr<std::string> {
                      EXPECT_TRUE(seen.Opens());
                      return text;
                    });
  calls_.Serve(server());
  Start();
  const Client client = Connect();
  ClientReader<std::string> reader = client.Call(kDown, "");
  ASSERT_TRUE(calls_.Come(1));
  std::thread engine([&] {
    const Client local = Client::Local(server());
    WriteTogether([&] {
      calls_.Write(0, "token");
      EXPECT_EQ(local.Call(kUnary, "text").value(), "text");
    });
  });
  EXPECT_EQ(reader.Next(), "token");
  seen.Open();
  engine.join();
  calls_.EndAll();
}

// Though it was in a step that the connection was opened.
TEST_P(WriteTogetherOnEveryWire, KeepsNoOtherThreadFromTheConnection) {
  calls_.Serve(server());
  Start();
  const Client client = Connect();
  std::vector<ClientReader<std::string>> readers;
  WriteTogether([&] {
    readers.push_back(client.Call(kDown, ""));
    std::thread([&] { readers.push_back(client.Call(kDown, "")); }).join();
    EXPECT_TRUE(calls_.Come(2));
  });
  calls_.EndAll();
  for (ClientReader<std::string>& reader : readers) {
    EXPECT_EQ(reader.Next(), std::nullopt);
    EXPECT_EQ(reader.Finish(), absl::OkStatus());
  }
}

TEST_P(WriteTogetherOnEveryWire, SendsBeforeItsThreadShutsTheServerDown) {
  calls_.Serve(server());
  Start();
  const Client client = Connect();
  ClientReader<std::string> reader = client.Call(kDown, "");
  ASSERT_TRUE(calls_.Come(1));
  calls_.Write(0, "first");  // what opens a call may have gone out by another way
  EXPECT_EQ(reader.Next(), "first");
  WriteTogether([&] {
    calls_.Write(0, "last");
    calls_.EndAll();
    EXPECT_EQ(server().Shutdown(absl::FromChrono(kPatience)), absl::OkStatus());
  });
  EXPECT_EQ(reader.Next(), "last");
  EXPECT_EQ(reader.Next(), std::nullopt);
  EXPECT_EQ(reader.Finish(), absl::OkStatus());
}

// --- What a session makes of it, as its client sees it: a session is a gRPC call like any other.

constexpr Bidi<std::string, std::string> kSessionStream{"parley.v1.SessionService/Open"};

class WriteTogetherOnASession : public WireFixture, public testing::Test {
 protected:
  static constexpr std::size_t kCalls = 7;

  WriteTogetherOnASession() : WireFixture(kSession) {
    calls_.Serve(server());
    Start();
    ClientOptions options;
    options.wire = Wire::kPlain;
    client_.emplace(Connect(std::move(options)));
    session_.emplace(client_->Call(kSessionStream, {.timeout = absl::FromChrono(3 * kPatience)}));
    v1::OpenRequest greeting;
    v1::Hello& hello = *greeting.add_frames()->mutable_hello();
    hello.set_revision(1);
    hello.set_max_message_bytes(1'000'000);
    EXPECT_EQ(session_->Write(greeting.SerializeAsString()), absl::OkStatus());
    Open(kCalls);
  }
  void TearDown() override {
    calls_.EndAll();
    session_->WritesDone();
    while (session_->Next()) {
    }
    client_.reset();
    StopServer();
  }

  void Open(std::size_t calls) {
    v1::OpenRequest opening;
    for (std::size_t i = 0; i < calls; ++i) {
      v1::Frame& frame = *opening.add_frames();
      frame.set_exchange(++opened_);
      frame.mutable_start()->set_method(std::string(kDown.path));
      frame.set_message("");
      frame.set_end(true);
    }
    EXPECT_EQ(session_->Write(opening.SerializeAsString()), absl::OkStatus());
    EXPECT_TRUE(calls_.Come(opened_));
  }

  // The next message's frames; none once the session has ended.
  v1::OpenResponse NextBatch() {
    v1::OpenResponse batch;
    const std::optional<std::string> message = session_->Next();
    EXPECT_TRUE(message.has_value() && batch.ParseFromString(*message)) << "the session has ended";
    return batch;
  }
  // The tokens of the next message that has some; none once the session has ended.
  std::vector<std::string> Tokens() {
    std::vector<std::string> tokens;
    while (tokens.empty()) {
      const v1::OpenResponse batch = NextBatch();
      if (batch.frames().empty()) break;
      for (const v1::Frame& frame : batch.frames()) {
        if (frame.has_message()) tokens.push_back(frame.message());
      }
    }
    return tokens;
  }
  // In how many messages the next `count` calls end.
  int MessagesToEnd(std::size_t count) {
    int messages = 0;
    for (std::size_t ended = 0; ended < count;) {
      const v1::OpenResponse batch = NextBatch();
      if (batch.frames().empty()) break;
      const auto ends = std::ranges::count_if(batch.frames(), &v1::Frame::has_status);
      ended += static_cast<std::size_t>(ends);
      if (ends > 0) ++messages;
    }
    return messages;
  }
  std::vector<std::string> Tokens(std::size_t count) {
    std::vector<std::string> tokens;
    while (tokens.size() < count) {
      const std::vector<std::string> more = Tokens();
      if (more.empty()) break;
      tokens.insert(tokens.end(), more.begin(), more.end());
    }
    return tokens;
  }

  // Runs a step on a thread of its own, which ends when `count` of its tokens have come.
  template <class Step>
  std::vector<std::string> TokensMeanwhile(std::size_t count, const Step& step) {
    Gate came;
    std::thread engine([&] {
      WriteTogether([&] {
        step();
        EXPECT_TRUE(came.Opens());
      });
    });
    std::vector<std::string> tokens = Tokens(count);
    came.Open();
    engine.join();
    return tokens;
  }

  OpenCalls calls_;
  std::size_t opened_ = 0;
  std::optional<Client> client_;
  std::optional<ClientReaderWriter<std::string, std::string>> session_;
};

// Something of the session's own may come between two tokens, and take the first one with it; but not
// often.
TEST_F(WriteTogetherOnASession, TakesOneMessageForAStep) {
  constexpr int kSteps = 100;
  int messages = 0;
  for (int step = 0; step < kSteps; ++step) {
    WriteTogether([&] {
      calls_.Write(0, "one");
      // Which ends nothing, since it is within another.
      WriteTogether([&] { calls_.Write(1, "two"); });
      calls_.Write(2, "three");
    });
    for (std::size_t tokens = 0; tokens < 3; ++messages) {
      const std::size_t more = Tokens().size();
      ASSERT_GT(more, 0u);
      tokens += more;
    }
  }
  EXPECT_LT(messages, kSteps + kSteps / 2);
}

// Of as many as a poller would answer in parts, so that the first need not wait for the last.
TEST_F(WriteTogetherOnASession, EndsManyCallsInOneMessage) {
  constexpr std::size_t kMany = 9;
  constexpr int kSteps = 100;
  calls_.EndAll();
  MessagesToEnd(kCalls);
  int messages = 0;
  for (int step = 0; step < kSteps; ++step) {
    Open(kMany);
    WriteTogether([&] { calls_.EndAll(); });
    messages += MessagesToEnd(kMany);
  }
  EXPECT_LT(messages, kSteps + kSteps / 2);
}

TEST_F(WriteTogetherOnASession, IsLeftByWhatAnotherThreadSays) {
  const std::vector<std::string> tokens = TokensMeanwhile(2, [&] {
    calls_.Write(0, "step");
    std::thread([&] { calls_.Write(1, "other"); }).join();
  });
  EXPECT_THAT(tokens, UnorderedElementsAre("step", "other"));
}

TEST_F(WriteTogetherOnASession, HoldsNothingBackThroughALongStep) {
  const std::vector<std::string> tokens = TokensMeanwhile(2, [&] {
    using Clock = std::chrono::steady_clock;
    calls_.Write(0, "early");
    const Clock::time_point late = Clock::now() + std::chrono::milliseconds(1);
    while (Clock::now() < late) std::this_thread::yield();
    calls_.Write(1, "late");
  });
  EXPECT_THAT(tokens, ElementsAre("early", "late"));
}

TEST_F(WriteTogetherOnASession, HoldsNoMoreBackThanOneMessageShouldTake) {
  constexpr std::size_t kMany = 2 * kCalls;
  const std::string message(std::size_t{12} << 10, 'x');  // a first window has room for one
  constexpr std::size_t kMostHeld = 5;                    // which are less than 64 KiB
  Open(kMany - kCalls);
  const std::vector<std::string> tokens = TokensMeanwhile(kMany - kMostHeld, [&] {
    for (std::size_t i = 0; i < kMany; ++i) calls_.Write(i, message);
  });
  EXPECT_GE(tokens.size(), kMany - kMostHeld);
}

}  // namespace
}  // namespace parley::call_test
