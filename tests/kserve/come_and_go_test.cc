// Versions of a model that come and go under full load, on every wire. Two seconds; with
// PARLEY_TEST_SECONDS=60 in the environment, a minute.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "tests/kserve/kserve_fixture.h"

namespace parley::kserve_test {
namespace {

using call_test::kWires;
using call_test::NameOf;
using call_test::WireRow;

absl::Duration TestDuration() {
  const char* const seconds = std::getenv("PARLEY_TEST_SECONDS");
  int number = 2;
  if (seconds != nullptr) {
    EXPECT_TRUE(absl::SimpleAtoi(seconds, &number));
  }
  return absl::Seconds(number);
}

class ComeAndGo : public EveryWireKServe {
 protected:
  // Counts those that live.
  Model Make(std::int64_t version) {
    const std::shared_ptr<void> lives(nullptr, [this](void*) { --living_; });
    ++living_;
    Model model = IdentityModel(DataType::kInt32);
    model.spec.name = "changing";
    model.spec.version = version;
    switch (version % 3) {
      case 0:  // on the thread of the call
        model.handler = [lives](const InferRequest& request, const InferTerms&) {
          return absl::StatusOr<InferResponse>(
              InferResponse{.outputs = {{"OUTPUT", *request.FindInput("INPUT")}}});
        };
        break;
      case 1:  // in batches
        model.spec.max_batch_size = 8;
        model.spec.inputs[0].shape = model.spec.outputs[0].shape = {};
        model.handler = [lives](const InferBatch& batch) {
          return batch.Split({{{"OUTPUT", batch.Gather("INPUT").value()}}});
        };
        break;
      default:  // on threads of its own
        model.queue = BatchOptions{.instances = 2};
        model.handler = [lives](const InferRequest& request, const InferTerms&) {
          return absl::StatusOr<InferResponse>(
              InferResponse{.outputs = {{"OUTPUT", *request.FindInput("INPUT")}}});
        };
    }
    return model;
  }

  std::atomic<int> living_ = 0;
};
INSTANTIATE_TEST_SUITE_P(All, ComeAndGo, testing::ValuesIn(kWires), NameOf<WireRow>);

TEST_P(ComeAndGo, FailsNoCallButThoseToVersionsThatAreUnloaded) {
  Serve();
  ASSERT_EQ(registry_.Load(Make(0)), absl::OkStatus());
  std::atomic<std::int64_t> oldest = 0;  // of those that are not being unloaded
  std::atomic<bool> stop = false;
  std::atomic<std::int64_t> answered = 0;
  std::vector<std::thread> askers;
  for (int i = 0; i < 4; ++i) {
    askers.emplace_back([&, i] {
      const kserve::Client client = ConnectKServe();
      std::vector<Pending<absl::StatusOr<InferResponse>>> pending;
      while (!stop) {
        // Half of them ask for the highest version, half for one that may just go.
        InferRequest request = Identity({i});
        request.model_name = "changing";
        const std::int64_t version = oldest;
        if (i % 2 == 0) request.model_version = std::to_string(version);
        for (int j = 0; j < 16; ++j) pending.push_back(client.AsyncInfer(request));
        for (auto& one : pending) {
          const absl::StatusOr<InferResponse> response = std::move(one).Wait();
          if (response.ok()) {
            ++answered;
            EXPECT_EQ(response->Output<std::int32_t>("OUTPUT").value()[0], i);
          } else {
            EXPECT_TRUE(i % 2 == 0 && version < oldest) << response.status();
          }
        }
        pending.clear();
      }
    });
  }
  const absl::Time end = absl::Now() + TestDuration();
  std::int64_t version = 0;
  while (absl::Now() < end) {
    ASSERT_EQ(registry_.Load(Make(version + 1)), absl::OkStatus());
    oldest = ++version;
    ASSERT_EQ(registry_.Unload("changing", version - 1), absl::OkStatus());
  }
  stop = true;
  for (std::thread& asker : askers) asker.join();
  EXPECT_GT(version, 1);
  EXPECT_GT(answered, 0);
  std::cout << version << " versions, " << answered << " answers\n";
  EXPECT_EQ(registry_.Unload("changing"), absl::OkStatus());
  EXPECT_TRUE(call_test::Eventually([&] { return living_ == 0; }));
}

}  // namespace
}  // namespace parley::kserve_test
