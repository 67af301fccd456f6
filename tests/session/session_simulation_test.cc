// Many simulated sessions, each told apart by its number. A number that fails is printed;
// `session_simulation_test --seed=NUMBER` shows every step of it.
#include "tests/session/session_simulation.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "tests/seeded_runs.h"

namespace parley::detail {
namespace {

std::string Simulate(std::uint64_t seed, bool trace) {
  return SessionSimulation(seed, trace).Run();
}

class SessionSimulationTest : public testing::TestWithParam<std::uint64_t> {};

TEST_P(SessionSimulationTest, EveryCallGetsWhatTheOtherEndHasSent) {
  seeded::ExpectBlockPasses(GetParam(), "session_simulation_test", Simulate);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SessionSimulationTest, testing::Range<std::uint64_t>(0, 10));

}  // namespace
}  // namespace parley::detail

int main(int argc, char** argv) {
  return parley::seeded::Main(argc, argv, parley::detail::Simulate);
}
