// Threads that wait, tasks that wait, post and block, interest that comes and goes, all at random
// on two loops at once: everything that was begun ends.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "src/exchange/loop.h"
#include "tests/call/gate.h"
#include "tests/call/thread_executor.h"
#include "tests/exchange/fake_source.h"

namespace parley::detail {
namespace {

using call_test::Counter;

// Events come late and in another order than they were started in, from a thread of their own.
class Network {
 public:
  Network() : thread_([this] { Main(); }) {}
  ~Network() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
    }
    thread_.join();
  }

  void Deliver(FakeSource& source, FakeSource::Event event) {
    source.Start();
    const std::lock_guard lock(mutex_);
    pending_.push_back({&source, std::move(event)});
    changed_.notify_all();
  }

 private:
  struct Pending {
    FakeSource* source;
    FakeSource::Event event;
  };

  void Main() {
    std::mt19937 random(1);
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return stopping_ || !pending_.empty(); });
      if (pending_.empty()) return;
      std::swap(pending_[random() % pending_.size()], pending_.back());
      Pending next = std::move(pending_.back());
      pending_.pop_back();
      lock.unlock();
      next.source->Deliver(std::move(next.event));
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Pending> pending_;
  bool stopping_ = false;
  std::thread thread_;
};

class Stress {
 public:
  // With `executor`, tasks of one of the loops run there.
  explicit Stress(std::shared_ptr<Executor> executor = nullptr)
      : first_(&sources_[0], {4, 300},
               executor == nullptr ? nullptr : std::make_shared<ExecutorQueue>(executor)) {}

  // One thing that an application or a handler does; `depth`: of tasks inside tasks. All of it has
  // ended when `done_` says so.
  void Act(std::mt19937& random, int depth) {
    const std::size_t i = random() % 2;
    Loop& loop = *loops_[i];
    FakeSource& source = sources_[i];
    ++begun_;
    switch (random() % 8) {
      case 0:
      case 1: {  // a blocking call
        Loop::Sleeper sleeper(loop);
        network_.Deliver(source, [&] { sleeper.Fire(); });
        loop.Wait(sleeper);
        done_.Add();
        break;
      }
      case 2: {  // a blocking call that another thread's cancellation ends
        Loop::Sleeper sleeper(loop);
        const std::size_t other = 1 - i;
        network_.Deliver(sources_[other], [&] { sleeper.Fire(); });
        loops_[other]->Strayed();
        loop.Wait(sleeper);
        done_.Add();
        break;
      }
      case 3:  // a call with a callback
        loop.AddInterest();
        network_.Deliver(source, [this, &loop, depth, seed = random()] {
          Post(loop, seed, depth);
          loop.RemoveInterest();
        });
        break;
      case 4:  // a write that nobody waits for
        network_.Deliver(source, [this] { done_.Add(); });
        loop.Strayed();
        break;
      case 5:
      case 6:
        Post(loop, random(), depth);
        break;
      case 7:  // a task that blocks in the application's code
        loop.Post(
            [this] {
              std::this_thread::sleep_for(std::chrono::microseconds(700));
              done_.Add();
            },
            history_.get());
        break;
    }
  }

  // Everything that was begun has ended.
  testing::AssertionResult Ends() {
    while (done_.value() < begun_) {
      if (testing::AssertionResult reached = done_.Reaches(begun_); !reached) return reached;
    }
    return testing::AssertionSuccess();
  }

 private:
  void Post(Loop& loop, std::uint_fast32_t seed, int depth) {
    loop.Post(
        [this, seed, depth] {
          std::mt19937 random(seed);
          if (depth < 2) Act(random, depth + 1);
          done_.Add();
        },
        seed % 3 == 0 ? history_.get() : nullptr);
  }

  std::atomic<int> begun_ = 0;
  Counter done_;
  const std::shared_ptr<TaskHistory> history_ = std::make_shared<TaskHistory>();
  FakeSource sources_[2];
  // So many threads that no chain of tasks that wait for each other can use them up.
  Loop first_;
  Loop second_{&sources_[1], {2, 300}};
  Loop* const loops_[2] = {&first_, &second_};
  Network network_;
};

void EverythingThatWasBegunEnds(const std::shared_ptr<Executor>& executor) {
  Stress stress(executor);
  std::vector<std::thread> threads;
  for (std::uint_fast32_t seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&stress, seed] {
      std::mt19937 random(seed);
      for (int i = 0; i < 1500; ++i) stress.Act(random, 0);
    });
  }
  // A thread that hangs can't be joined: say so, and end.
  std::thread watch;
  call_test::Gate joined;
  watch = std::thread([&] {
    if (joined.Opens()) return;
    std::cerr << "a thread waits for ever\n";
    std::_Exit(1);
  });
  for (std::thread& thread : threads) thread.join();
  joined.Open();
  watch.join();
  EXPECT_TRUE(stress.Ends());
}

// Loops that begin and end all the time, with work in every state.
void LoopsComeAndGo(const std::shared_ptr<Executor>& executor) {
  for (std::uint_fast32_t seed = 0; seed < 200; ++seed) {
    Stress stress(executor);
    std::mt19937 random(seed);
    for (int i = 0; i < 10; ++i) stress.Act(random, 0);
    ASSERT_TRUE(stress.Ends()) << seed;
  }
}

TEST(LoopStress, EverythingThatWasBegunEnds) { EverythingThatWasBegunEnds(nullptr); }
TEST(LoopStress, LoopsComeAndGo) { LoopsComeAndGo(nullptr); }

// Its tasks wait for events, not for each other, so that a few threads are enough.
TEST(LoopStress, EverythingThatWasBegunEndsWithAnExecutor) {
  EverythingThatWasBegunEnds(std::make_shared<call_test::ThreadExecutor>(3));
}
TEST(LoopStress, LoopsWithAnExecutorComeAndGo) {
  LoopsComeAndGo(std::make_shared<call_test::ThreadExecutor>(3));
}

}  // namespace
}  // namespace parley::detail
