// Guarantee 5: one reader and one writer at a time, beside each other. A second one at the same
// time gets FAILED_PRECONDITION; nothing crashes, however many there are.
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/call/any_call.h"
#include "tests/call/wire_fixture.h"

namespace parley::call_test {
namespace {

using BidiCall = ServerCall<Bidi<std::string, std::string>>;
constexpr absl::StatusCode kFailedPrecondition = absl::StatusCode::kFailedPrecondition;

class ConcurrentUse : public EveryWire {
 protected:
  // Far more than the transport takes unread.
  static std::string Large() { return std::string(std::size_t{20} << 20, 'x'); }
  // Writes `message` until the next write will have to wait, for good: what is on its way goes on until
  // the transport is full too, which nobody reports. Returns how many.
  static int Fill(Writer<std::string>& writer, const std::string& message) {
    int written = 0;
    auto changed = std::chrono::steady_clock::now();
    while (written < 10 && std::chrono::steady_clock::now() < changed + kQuiet) {
      if (writer.TryWrite(message).value_or(false)) {
        ++written;
        changed = std::chrono::steady_clock::now();
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
    return written;
  }
  static constexpr std::chrono::milliseconds kQuiet{200};

  // Registers a handler that keeps its call for the test.
  void ServeKeptCalls() {
    server().Register(
        kBoth, [this](BidiCall call) { opened_.Put(std::make_shared<BidiCall>(std::move(call))); });
    Start();
  }
  Slip<std::shared_ptr<BidiCall>> opened_;
};
INSTANTIATE_TEST_SUITE_P(All, ConcurrentUse, testing::ValuesIn(kWires), NameOf<WireRow>);

TEST_P(ConcurrentUse, OfASecondReaderEndsTheCall) {
  ServeKeptCalls();
  const Client client = Connect();
  auto stream = client.Call(kBoth);
  const std::shared_ptr<BidiCall> call = opened_.Take(nullptr);
  ASSERT_NE(call, nullptr);
  Slip<std::optional<std::string>> first;
  stream.AsyncNext().Then([&](std::optional<std::string> m) { first.Put(std::move(m)); });
  EXPECT_EQ(stream.Next(), std::nullopt);
  EXPECT_EQ(first.Take("nothing came"), std::nullopt);
  EXPECT_THAT(stream.status(), HasCode(kFailedPrecondition));
  EXPECT_THAT(stream.Finish(), HasCode(kFailedPrecondition));
  EXPECT_TRUE(StopRequested(call->context().stop_token()));
  std::move(*call).Finish(absl::OkStatus());
}

TEST_P(ConcurrentUse, OfAHandlersReaderEndsTheCall) {
  ServeKeptCalls();
  const Client client = Connect();
  auto stream = client.Call(kBoth);
  std::shared_ptr<BidiCall> call = opened_.Take(nullptr);
  ASSERT_NE(call, nullptr);
  Slip<std::optional<std::string>> first;
  call->AsyncNext().Then([&](std::optional<std::string> m) { first.Put(std::move(m)); });
  EXPECT_EQ(call->Next(), std::nullopt);
  EXPECT_EQ(first.Take("nothing came"), std::nullopt);
  EXPECT_THAT(call->status(), HasCode(kFailedPrecondition));
  EXPECT_EQ(stream.Next(), std::nullopt);
  EXPECT_THAT(stream.Finish(), HasCode(kFailedPrecondition));
  std::move(*call).Finish(absl::OkStatus());
}

TEST_P(ConcurrentUse, OfASecondWriterIsRefusedAndTheFirstGoesOn) {
  ServeKeptCalls();
  const Client client = Connect();
  auto stream = client.Call(kBoth);
  std::shared_ptr<BidiCall> call = opened_.Take(nullptr);
  ASSERT_NE(call, nullptr);
  const std::string large = Large();
  const int written = Fill(stream, large);
  Slip<absl::Status> first;
  stream.AsyncWrite(large).Then([&](absl::Status status) { first.Put(std::move(status)); });
  EXPECT_THAT(stream.Write("second"), HasCode(kFailedPrecondition));
  EXPECT_THAT(stream.AsyncWrite("third").Wait(), HasCode(kFailedPrecondition));
  EXPECT_EQ(stream.TryWrite("fourth").value_or(true), false);
  EXPECT_FALSE(first.is_there());
  for (int i = 0; i <= written; ++i) {
    const std::optional<std::string> read = call->Next();
    EXPECT_TRUE(read == large);
  }
  EXPECT_EQ(first.Take(absl::UnknownError("nothing")), absl::OkStatus());
  stream.WritesDone();
  EXPECT_EQ(call->Next(), std::nullopt);
  EXPECT_EQ(call->status(), absl::OkStatus());
  std::move(*call).Finish(absl::OkStatus());
  EXPECT_EQ(stream.Next(), std::nullopt);
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
}

TEST_P(ConcurrentUse, OfASecondWriterInAHandlerIsRefused) {
  ServeKeptCalls();
  const Client client = Connect();
  auto stream = client.Call(kBoth);
  std::shared_ptr<BidiCall> call = opened_.Take(nullptr);
  ASSERT_NE(call, nullptr);
  const std::string large = Large();
  const int written = Fill(*call, large);
  Slip<absl::Status> first;
  call->AsyncWrite(large).Then([&](absl::Status status) { first.Put(std::move(status)); });
  EXPECT_THAT(call->Write("second"), HasCode(kFailedPrecondition));
  EXPECT_FALSE(first.is_there());
  for (int i = 0; i <= written; ++i) {
    const std::optional<std::string> read = stream.Next();
    EXPECT_TRUE(read == large);
  }
  EXPECT_EQ(first.Take(absl::UnknownError("nothing")), absl::OkStatus());
  std::move(*call).Finish(absl::OkStatus());
  EXPECT_EQ(stream.Next(), std::nullopt);
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
}

TEST_P(ConcurrentUse, OfASecondWaitForTheEndIsRefused) {
  Gate may_end;
  server().Register(kUp, [&](Context&, Reader<std::string>&) -> absl::StatusOr<std::string> {
    EXPECT_TRUE(may_end.Opens());
    return "the response";
  });
  Start();
  const Client client = Connect();
  auto writer = client.Call(kUp);
  Slip<absl::StatusOr<std::string>> first;
  writer.AsyncFinish().Then([&](absl::StatusOr<std::string> r) { first.Put(std::move(r)); });
  EXPECT_THAT(writer.AsyncFinish().Wait().status(), HasCode(kFailedPrecondition));
  may_end.Open();
  EXPECT_EQ(first.Take("nothing").value_or("an error"), "the response");
  StopServer();
}

TEST_P(ConcurrentUse, OfOneReaderAndOneWriterIsWhatABidiCallIsFor) {
  static constexpr int kMessages = 5000;
  server().Register(
      kBoth, [](Context&, Reader<std::string>& in, Writer<std::string>& out) -> absl::Status {
        absl::Status written;
        std::thread writer([&] {
          for (int i = 0; i < kMessages && written.ok(); ++i) written = out.Write(absl::StrCat(i));
        });
        int next = 0;
        for (const std::string& message : in) EXPECT_EQ(message, absl::StrCat(next++));
        writer.join();
        EXPECT_EQ(next, kMessages);
        return written.ok() ? in.status() : written;
      });
  Start();
  auto stream = Connect().Call(kBoth);
  std::thread writer([&] {
    for (int i = 0; i < kMessages; ++i) EXPECT_EQ(stream.Write(absl::StrCat(i)), absl::OkStatus());
    stream.WritesDone();
  });
  int next = 0;
  for (const std::string& message : stream) EXPECT_EQ(message, absl::StrCat(next++));
  writer.join();
  EXPECT_EQ(next, kMessages);
  EXPECT_EQ(stream.Finish(), absl::OkStatus());
}

// Whatever so many threads come to, it is one of the statuses that are promised.
TEST_P(ConcurrentUse, OfManyThreadsNeverCrashes) {
  server().Register(
      kBoth, [](Context&, Reader<std::string>& in, Writer<std::string>& out) -> absl::Status {
        while (std::optional<std::string> message = in.Next()) {
          if (absl::Status status = out.Write(*message); !status.ok()) return status;
        }
        return in.status();
      });
  Start();
  const Client client = Connect();
  for (int round = 0; round < 20; ++round) {
    auto stream = client.Call(kBoth);
    std::vector<std::thread> threads;
    for (int t = 0; t < 6; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 30; ++i) {
          if (t % 2 == 0) {
            stream.Write(absl::StrCat(t, " ", i)).IgnoreError();
          } else if (i % 3 == 0) {
            stream.AsyncNext().Then([](std::optional<std::string>) {});
          } else {
            // Without an end it would wait for messages that others have taken.
            stream.WritesDone();
            stream.Next();
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    const absl::Status status = stream.Finish();
    EXPECT_TRUE(status.ok() || status.code() == kFailedPrecondition ||
                status.code() == absl::StatusCode::kCancelled)
        << status;
  }
}

}  // namespace
}  // namespace parley::call_test
