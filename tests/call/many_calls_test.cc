// Ten thousand calls at once, from one client: streams whose handlers are asynchronous, and calls
// whose plain handlers block. And what blocks delays nobody else.
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
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

using Down = ServerStreaming<std::string, std::string>;

// Under a sanitizer a call takes ten times as long and ten times the memory.
#if defined(PARLEY_TEST_SANITIZED)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
constexpr int kCalls = kSanitized ? 1'000 : 10'000;
constexpr int kTokens = 100;

// A million messages take a while on a machine that is busy with other tests.
constexpr std::chrono::seconds kLongPatience = 10 * kPatience;

std::size_t PeakMemoryBytes() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) << 10;
}

// A model's loop: it takes the calls in, and gives each of them one token at every step.
class Model {
 public:
  void Add(ServerCall<Down> call) {
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::move(call));
    if (calls_.size() == kCalls) all_there_.Open();
  }

  // Once all calls are there at the same time.
  void Run() {
    ASSERT_TRUE(all_there_.Opens(kLongPatience));
    for (int step = 0; step < kTokens; ++step) {
      for (ServerCall<Down>& call : calls_) {
        ASSERT_EQ(call.Write(absl::StrCat(call.request(), " ", step)), absl::OkStatus());
      }
    }
    for (ServerCall<Down>& call : calls_) std::move(call).Finish(absl::OkStatus());
    calls_.clear();
  }

 private:
  std::mutex mutex_;
  std::vector<ServerCall<Down>> calls_;
  Gate all_there_;
};

class ManyCalls : public EveryWire {
 protected:
  Model model_;  // also of calls that come when a test has failed
};
INSTANTIATE_TEST_SUITE_P(All, ManyCalls, testing::ValuesIn(kWires), NameOf<WireRow>);

// Reads a stream to its end by callbacks, and checks every token.
class Listener {
 public:
  Listener(const Client& client, int number, Counter& ended)
      : number_(number),
        reader_(client.Call(kDown, absl::StrCat(number), {.timeout = absl::Minutes(5)})),
        ended_(ended) {}

  void Listen() {
    reader_.AsyncNext().Then([this](std::optional<std::string> token) {
      if (!token) return End();
      const std::string expected = absl::StrCat(number_, " ", received_);
      if (*token != expected) problem_ = absl::StrCat(*token, " in place of ", expected);
      ++received_;
      Listen();
    });
  }
  // Empty if there was none.
  const std::string& problem() const { return problem_; }

 private:
  void End() {
    const absl::Status status = reader_.Finish();
    if (received_ != kTokens) problem_ = absl::StrCat("it ended after ", received_);
    if (!status.ok()) problem_ = status.ToString();
    ended_.Add();
  }

  const int number_;
  ClientReader<std::string> reader_;
  Counter& ended_;
  int received_ = 0;
  std::string problem_;
};

TEST_P(ManyCalls, StreamAHundredTokensEachInOrderInBoundedMemory) {
  server().Register(kDown, [this](ServerCall<Down> call) { model_.Add(std::move(call)); });
  Start();
  std::jthread engine([this] { model_.Run(); });
  const std::size_t before = PeakMemoryBytes();
  {
    const Client client = Connect();
    Counter ended;
    std::vector<std::unique_ptr<Listener>> listeners;
    for (int i = 0; i < kCalls; ++i) {
      listeners.push_back(std::make_unique<Listener>(client, i, ended));
      listeners.back()->Listen();
    }
    ASSERT_TRUE(ended.Reaches(kCalls, kLongPatience));
    for (const auto& listener : listeners) ASSERT_EQ(listener->problem(), "");
  }
  engine.join();
  // Both ends are in this process. gRPC takes about 40 KiB for an open stream.
  if (!kSanitized) {
    EXPECT_LT(PeakMemoryBytes() - before, std::size_t{kCalls} * 96 * 1024);
  }
}

// Something that handlers wait for, such as a device: whatever waits when it looks goes on.
class Device {
 public:
  Device() : thread_([this] { Main(); }) {}
  ~Device() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    const int round = round_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return round_ != round; });
  }

 private:
  void Main() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      changed_.wait(lock, [&] { return waiting_ > 0 || stopping_; });
      waiting_ = 0;
      ++round_;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  int round_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

TEST_P(ManyCalls, ToHandlersThatBlockAllComplete) {
  Device device;
  std::atomic<int> inside = 0, most_inside = 0;
  server().Register(kUnary, [&](Context&, const std::string& request) {
    int most = most_inside;
    const int now = ++inside;
    while (now > most && !most_inside.compare_exchange_weak(most, now)) {
    }
    device.Wait();
    --inside;
    return absl::StatusOr<std::string>(request);
  });
  Start();
  const Client client = Connect();
  Counter ended;
  std::atomic<int> right = 0;
  for (int i = 0; i < kCalls; ++i) {
    client.AsyncCall(kUnary, absl::StrCat(i), {.timeout = absl::Minutes(5)})
        .Then([&ended, &right, i](absl::StatusOr<std::string> response) {
          EXPECT_TRUE(response.ok()) << response.status();
          if (response.ok() && *response == absl::StrCat(i)) ++right;
          ended.Add();
        });
  }
  ASSERT_TRUE(ended.Reaches(kCalls, kLongPatience));
  EXPECT_EQ(right, kCalls);
  EXPECT_LE(most_inside, static_cast<int>(ServerOptions().max_threads));
}

class BlockingHandler : public EveryWire {};
INSTANTIATE_TEST_SUITE_P(All, BlockingHandler, testing::ValuesIn(kWires), NameOf<WireRow>);

// Were other calls made to wait for it, nobody would ever let it go on.
TEST_P(BlockingHandler, DoesNotDelayOtherCalls) {
  Gate may_return;
  Counter blocked;
  server().Register(kUnary, [](Context&, const std::string& request) {
    return absl::StatusOr<std::string>(request);
  });
  server().Register(kDown, [&](Context&, const std::string&, Writer<std::string>&) {
    blocked.Add();
    EXPECT_TRUE(may_return.Opens());
    return absl::OkStatus();
  });
  Start();
  const Client client = Connect();
  std::vector<ClientReader<std::string>> held;
  for (int i = 1; i <= 20; ++i) {
    held.push_back(client.Call(kDown, ""));
    for (int other = 0; other < 20; ++other) {
      EXPECT_EQ(client.AsyncCall(kUnary, "others").Wait().value_or("an error"), "others");
    }
    ASSERT_TRUE(blocked.Reaches(i));
  }
  may_return.Open();
  for (ClientReader<std::string>& reader : held) {
    EXPECT_EQ(reader.Next(), std::nullopt);
    EXPECT_EQ(reader.Finish(), absl::OkStatus());
  }
}

}  // namespace
}  // namespace parley::call_test
