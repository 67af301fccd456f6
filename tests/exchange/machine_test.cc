// Every order of events at one end of a call, up to a depth, against what MachineModel says should
// come of it. A failure prints the shortest order that shows it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/exchange/machine_model.h"

namespace parley::detail {
namespace {

using Event = MachineModel::Event;
using Ending = MachineModel::Ending;
using Rules = MachineModel::Rules;
using Side = Machine::Side;

struct Case {
  const char* name;
  Rules rules;
  int depth;  // for trying every order, however alike the states that they lead to
};

void PrintTo(const Case& tried, std::ostream* out) { *out << tried.name; }

std::unique_ptr<MachineModel> Replay(const Rules& rules, const std::string& order) {
  auto model = std::make_unique<MachineModel>(rules);
  for (const char event : order) model->Apply(static_cast<Event>(event));
  return model;
}

// Tries all orders of `depth` events, breadth first, so that the first failure is the shortest.
// `once`: goes on from each state once, however it was reached.
testing::AssertionResult Try(const Rules& rules, int depth, bool once) {
  std::vector<std::string> orders = {""};
  std::unordered_set<std::string> states;
  std::size_t tried = 0;
  int level = 0;
  for (; level < depth && !orders.empty(); ++level) {
    std::vector<std::string> longer;
    for (const std::string& order : orders) {
      const std::unique_ptr<MachineModel> before = Replay(rules, order);
      for (int i = 0; i < MachineModel::kEvents; ++i) {
        if (!before->Enabled(static_cast<Event>(i))) continue;
        std::string next = order + static_cast<char>(i);
        std::unique_ptr<MachineModel> model = Replay(rules, next);
        ++tried;
        if (!model->violation().empty()) {
          return testing::AssertionFailure()
                 << model->violation() << "\n  after " << model->Trace();
        }
        if (!states.insert(model->Key()).second) {
          if (!once) longer.push_back(std::move(next));
          continue;
        }
        for (const Ending ending : {Ending::kInOrder, Ending::kCancelled, Ending::kPeerGone}) {
          if (model == nullptr) model = Replay(rules, next);
          model->End(ending);
          if (!model->violation().empty()) {
            return testing::AssertionFailure() << model->violation() << "\n  after "
                                               << model->Trace() << "\n  (of these the last "
                                               << "come from letting what is under way end, after "
                                               << next.size() << " events)";
          }
          model.reset();
        }
        longer.push_back(std::move(next));
      }
    }
    orders = std::move(longer);
  }
  return testing::AssertionSuccess()
         << tried << " orders, " << states.size() << " states, up to " << level << " events"
         << (orders.empty() ? ": all there are" : "");
}

class MachineOrders : public testing::TestWithParam<Case> {};

TEST_P(MachineOrders, KeepTheInvariants) {
  const testing::AssertionResult result = Try(GetParam().rules, GetParam().depth, false);
  EXPECT_TRUE(result);
  std::cout << result.message() << "\n";
}

// MachineModel bounds how often a thing is done, so that all states can be reached.
TEST_P(MachineOrders, KeepTheInvariantsInEveryState) {
  const testing::AssertionResult result = Try(GetParam().rules, 50, true);
  ASSERT_TRUE(result);
  EXPECT_THAT(result.message(), testing::HasSubstr("all there are"));
  std::cout << result.message() << "\n";
}

INSTANTIATE_TEST_SUITE_P(
    , MachineOrders,
    testing::Values(Case{"ClientUnaryInOneStep",
                         {.side = Side::kClient, .one_request = true, .one_step = true},
                         8},
                    Case{"ClientServerStreaming", {.side = Side::kClient, .one_request = true}, 7},
                    Case{"ClientBidi", {.side = Side::kClient}, 6},
                    Case{"ClientBidiOneMessageAtATime",
                         {.side = Side::kClient, .limits = {0, 0}, .messages_each_way = 2},
                         6},
                    Case{"ServerOneRequest", {.side = Side::kServer, .one_request = true}, 6},
                    Case{"ServerRequestCame", {.side = Side::kServer, .request_came = true}, 7},
                    Case{"ServerBidi", {.side = Side::kServer}, 6},
                    Case{"ServerBidiOneMessageAtATime",
                         {.side = Side::kServer, .limits = {0, 0}, .messages_each_way = 2},
                         6}),
    [](const testing::TestParamInfo<Case>& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace parley::detail
