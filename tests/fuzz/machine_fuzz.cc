// The state machine at either end of a call, fed orders of events longer than those that
// machine_test tries all of, with the same account of what should come of them.
#include "absl/strings/str_cat.h"
#include "tests/exchange/machine_model.h"
#include "tests/fuzz/fuzz_input.h"

using parley::detail::Machine;
using parley::detail::MachineModel;

namespace {

constexpr Machine::Side kClient = Machine::Side::kClient;
constexpr Machine::Side kServer = Machine::Side::kServer;

MachineModel::Rules RulesOf(std::uint8_t choice) {
  MachineModel::Rules rules{.side = (choice & 1) != 0 ? kServer : kClient};
  rules.one_request = (choice & 2) != 0;
  rules.request_came = rules.side == kServer && (choice & 16) != 0;
  rules.one_step = rules.side == kClient && (choice & 6) == 6;
  if ((choice & 8) != 0) rules.limits = {0, 0};
  rules.messages_each_way = 20;  // their names are letters
  rules.cancels = 5;
  return rules;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parley::fuzz::Input input(data, std::min<std::size_t>(size, 1000));
  MachineModel model(RulesOf(input.Byte()));
  const auto ending = static_cast<MachineModel::Ending>(input.Byte() % 3);
  while (!input.empty() && model.violation().empty()) {
    const auto event = static_cast<MachineModel::Event>(input.Byte() % MachineModel::kEvents);
    if (model.Enabled(event)) model.Apply(event);
  }
  if (model.violation().empty()) model.End(ending);
  parley::fuzz::Expect(model.violation().empty(),
                       absl::StrCat(model.violation(), "\n  after ", model.Trace()));
  return 0;
}
