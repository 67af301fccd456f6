// What can be seen of another thread: whether it could go on, and for how long it has had a core.
#include "src/exchange/thread_watch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include "tests/call/gate.h"

namespace parley::detail {
namespace {

using call_test::Gate;

// Looks until `seen` is true, for as long as tests have patience.
template <class Seen>
bool Comes(Seen seen) {
  const auto end = std::chrono::steady_clock::now() + call_test::kPatience;
  while (!seen() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  return seen();
}

// A thread, with its watch, that runs `work`.
class Watched {
 public:
  template <class Work>
  explicit Watched(Work work)
      : thread_([this, work] {
          watch_.emplace();
          begun_.Open();
          work();
        }) {
    EXPECT_TRUE(begun_.Opens());
  }
  void Join() { thread_.join(); }
  const ThreadWatch& watch() const { return *watch_; }

 private:
  Gate begun_;
  std::optional<ThreadWatch> watch_;
  std::thread thread_;
};

TEST(ThreadWatch, SeesAThreadThatComputes) {
  std::atomic<bool> enough = false;
  Watched computing([&] {
    while (!enough) {
    }
  });
  EXPECT_TRUE(computing.watch().IsRunnable());
  const auto before = computing.watch().CpuTime();
  ASSERT_TRUE(before.has_value());
  EXPECT_TRUE(Comes([&] { return computing.watch().CpuTime() > before; }));
  EXPECT_TRUE(computing.watch().IsRunnable());
  enough = true;
  computing.Join();
}

TEST(ThreadWatch, SeesAThreadThatIsBlocked) {
  Gate go;
  Watched blocked([&] { EXPECT_TRUE(go.Opens()); });
  EXPECT_TRUE(Comes([&] { return !blocked.watch().IsRunnable(); }));
  // It is called blocked a little before it leaves its core.
  EXPECT_TRUE(Comes([&] {
    const auto before = blocked.watch().CpuTime();
    std::this_thread::yield();
    return blocked.watch().CpuTime() == before;
  }));
  go.Open();
  blocked.Join();
}

TEST(ThreadWatch, SeesNothingOfAThreadThatHasEnded) {
  Watched ended([] {});
  ended.Join();
  EXPECT_TRUE(Comes([&] { return !ended.watch().CpuTime().has_value(); }));
  EXPECT_FALSE(ended.watch().IsRunnable());
}

}  // namespace
}  // namespace parley::detail
