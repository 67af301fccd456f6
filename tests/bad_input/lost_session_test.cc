// Sessions that break under many streams, again and again: the server's process is killed, or the
// client's, or the connection is cut. Each stream has got a beginning of what was sent and ends with
// UNAVAILABLE, handlers learn of it, and what comes after is as before.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bad_input/process.h"
#include "tests/call/any_call.h"
#include "tests/call/relay.h"
#include "tests/call/spawn.h"
#include "tests/call/wire_fixture.h"

namespace parley::bad_input_test {
namespace {

using call_test::Counter;
using call_test::Eventually;
using call_test::HasCode;
using call_test::kDown;
using call_test::Part;

constexpr int kRuns = 50;
#if defined(PARLEY_TEST_SANITIZED)
constexpr int kStreams = 100;
#else
constexpr int kStreams = 1000;
#endif
constexpr int kMostTokensBefore = 30;  // that every stream has got when it is lost

// Streams of one client, each read by a coroutine of its own until it ends.
class Streams : public std::enable_shared_from_this<Streams> {
 public:
  // They are `running` when each has got `tokens_before`.
  static std::shared_ptr<Streams> Open(const Client& client, int tokens_before) {
    const auto streams = std::make_shared<Streams>();
    streams->tokens_before_ = tokens_before;
    for (int i = 0; i < kStreams; ++i) call_test::Spawn(Read(client.Call(kDown, ""), streams));
    return streams;
  }

  Counter running, ended;
  // Once all have ended.
  std::vector<absl::Status> statuses;
  int out_of_order = 0;
  int most_tokens = 0;

 private:
  static Task<void> Read(ClientReader<std::string> reader, std::shared_ptr<Streams> streams) {
    int tokens = 0;
    bool ordered = true;
    while (std::optional<std::string> token = co_await reader.AsyncNext()) {
      ordered = ordered && *token == absl::StrCat(++tokens);
      if (tokens == streams->tokens_before_) streams->running.Add();
    }
    absl::Status status = co_await reader.AsyncFinish();
    {
      const std::lock_guard lock(streams->mutex_);
      streams->statuses.push_back(std::move(status));
      streams->out_of_order += ordered ? 0 : 1;
      streams->most_tokens = std::max(streams->most_tokens, tokens);
    }
    streams->ended.Add();
  }

  int tokens_before_ = 0;
  std::mutex mutex_;
};

std::size_t EntriesOf(const char* folder) {
  std::size_t entries = 0;
  for (auto it = std::filesystem::directory_iterator(folder); it != std::filesystem::end(it); ++it)
    ++entries;
  return entries;
}

class LostSession : public call_test::WireFixture, public testing::Test {
 protected:
  LostSession() : WireFixture(call_test::kSession) {
    options_.wire = Wire::kSession;
    options_.max_threads = server_options.max_threads = 4;  // soon all are there
  }
  void TearDown() override {
    StopServer();
    std::cout << kRuns << " runs, --gtest_random_seed=" << seed_ << "; longest time until all "
              << kStreams << " had ended: " << longest_
              << ", until the next call was served: " << longest_return_ << "\n";
  }

  void Register(MethodKind kind, call_test::Script script) {
    RegisterScript(server(), engine_, kind, call_test::Form::kCoroutine, std::move(script));
  }
  // Handlers that write 1, 2, 3 and so on, until they are told that nobody wants more.
  void ServeTokens() {
    server_options.send_queue_bytes = 1000;
    Register(MethodKind::kServerStreaming, [this](Part& part) -> Task<absl::Status> {
      absl::Status written;
      int tokens = 0;
      while (written.ok()) written = co_await part.AsyncWrite(absl::StrCat(++tokens));
      EXPECT_THAT(written, HasCode(absl::StatusCode::kCancelled));
      for (int most = most_written_; most < tokens;) {
        if (most_written_.compare_exchange_weak(most, tokens)) break;
      }
      if (co_await part.Stopped()) stopped_.Add();
      co_return written;
    });
    Start();
  }

  // Makes the streams of `client` run, loses their peer, and looks at what has become of them.
  void Lose(const Client& client, const std::function<void()>& lose) {
    const std::shared_ptr<Streams> streams = Streams::Open(client, TokensBefore());
    ASSERT_TRUE(streams->running.Reaches(kStreams));
    const absl::Time lost = absl::Now();
    lose();
    ASSERT_TRUE(streams->ended.Reaches(kStreams));
    AllEnded(lost);
    EXPECT_EQ(streams->out_of_order, 0);
    EXPECT_THAT(streams->statuses, testing::Each(HasCode(absl::StatusCode::kUnavailable)));
    most_tokens_ = std::max(most_tokens_, streams->most_tokens);
  }
  // In this run.
  int TokensBefore() { return std::uniform_int_distribution<>(1, kMostTokensBefore)(random_); }
  void AllEnded(absl::Time lost) { longest_ = std::max(longest_, absl::Now() - lost); }
  // As soon as there is a session again.
  void ExpectServes(const Client& client) {
    const absl::Time asked = absl::Now();
    ClientReader<std::string> reader = client.Call(kDown, "", {.wait_for_ready = true});
    EXPECT_EQ(reader.Next(), "1") << reader.Finish();
    longest_return_ = std::max(longest_return_, absl::Now() - asked);
  }

  // After each run: no more of anything than there was once things had settled.
  void ExpectNothingLeft(int run) {
    if (run == kRuns / 2) {
      files_ = EntriesOf("/proc/self/fd");
      threads_ = EntriesOf("/proc/self/task");
    }
    if (run != kRuns) return;
    EXPECT_TRUE(Eventually([&] { return EntriesOf("/proc/self/fd") <= files_ + kRuns / 4; }));
    EXPECT_LT(EntriesOf("/proc/self/task"), threads_ + kRuns / 4);
  }

  call_test::Engine engine_;
  ClientOptions options_;
  Counter stopped_;
  std::atomic<int> most_written_ = 0;
  int most_tokens_ = 0;

 private:
  const int seed_ = GTEST_FLAG_GET(random_seed) != 0
                        ? GTEST_FLAG_GET(random_seed)
                        : static_cast<int>(std::random_device()() % 99'999) + 1;
  std::minstd_rand random_{static_cast<unsigned>(seed_)};
  absl::Duration longest_, longest_return_;
  std::size_t files_ = 0;
  std::size_t threads_ = 0;
};

TEST_F(LostSession, OfAServerThatIsKilledEndsItsStreamsAndTheNextServesOn) {
  const std::string address = absl::StrCat("unix-abstract:parley_lost_session_", getpid());
  const std::vector<std::string> command = {PARLEY_TEST_LOST_PEER, "tokens", address};
  const Client client(address, options_);
  auto server = std::make_unique<Process>(command);
  ASSERT_EQ(server->ReadLine(), "started");
  ExpectServes(client);
  for (int run = 1; run <= kRuns; ++run) {
    SCOPED_TRACE(absl::StrCat("run ", run));
    ASSERT_NO_FATAL_FAILURE(Lose(client, [&] { server->Kill(); }));
    server = std::make_unique<Process>(command);
    ASSERT_EQ(server->ReadLine(), "started");
    ExpectServes(client);
    ExpectNothingLeft(run);
    if (HasFailure()) break;
  }
}

TEST_F(LostSession, ThatIsCutEndsItsStreamsAndStopsTheirHandlers) {
  ServeTokens();
  call_test::Relay relay(server().port());
  const Client client(relay.target(), options_);
  ExpectServes(client);
  for (int run = 1; run <= kRuns; ++run) {
    SCOPED_TRACE(absl::StrCat("run ", run));
    ASSERT_NO_FATAL_FAILURE(Lose(client, [&] { relay.Cut(); }));
    ExpectServes(client);
    ASSERT_TRUE(stopped_.Reaches(run * (kStreams + 1) + 1));
    EXPECT_LE(most_tokens_, most_written_);
    ExpectNothingLeft(run);
    if (HasFailure()) break;
  }
}

TEST_F(LostSession, OfAClientThatIsKilledStopsItsHandlersAfterAPrefix) {
  Counter running;
  std::atomic<int> messages_before = 0;
  Register(MethodKind::kBidi, [&](Part& part) -> Task<absl::Status> {
    const int before = messages_before;
    int messages = 0;
    absl::Status written;
    while (std::optional<std::string> message = co_await part.Next()) {
      EXPECT_EQ(*message, absl::StrCat(++messages));
      if (messages == before) running.Add();
      written = co_await part.Write(*message);
    }
    EXPECT_FALSE(part.read_status().ok()) << "it has not come to its end";
    if (co_await part.Stopped()) stopped_.Add();
    co_return written;
  });
  Start();
  for (int run = 1; run <= kRuns; ++run) {
    SCOPED_TRACE(absl::StrCat("run ", run));
    messages_before = TokensBefore();
    Process client({PARLEY_TEST_LOST_PEER, "count", target(), absl::StrCat(kStreams)});
    ASSERT_TRUE(running.Reaches(run * kStreams));
    const absl::Time lost = absl::Now();
    client.Kill();
    ASSERT_TRUE(stopped_.Reaches(run * kStreams));
    AllEnded(lost);
    ExpectNothingLeft(run);
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace parley::bad_input_test
