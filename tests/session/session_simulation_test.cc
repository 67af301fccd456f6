// Many simulated sessions, each told apart by its number. A number that fails is printed;
// `session_simulation_test --seed=NUMBER` shows every step of it.
#include "tests/session/session_simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

namespace parley::detail {
namespace {

#ifdef PARLEY_TEST_SANITIZED
constexpr std::uint64_t kSeedsEach = 1000;
#else
constexpr std::uint64_t kSeedsEach = 10'000;
#endif

class SessionSimulationTest : public testing::TestWithParam<std::uint64_t> {};

TEST_P(SessionSimulationTest, EveryCallGetsWhatTheOtherEndHasSent) {
  int failures = 0;
  for (std::uint64_t i = 0; i < kSeedsEach && failures < 5; ++i) {
    const std::uint64_t seed = GetParam() * kSeedsEach + i;
    const std::string violation = SessionSimulation(seed).Run();
    if (violation.empty()) continue;
    ADD_FAILURE() << violation << "\n  to see it: session_simulation_test --seed=" << seed;
    ++failures;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, SessionSimulationTest, testing::Range<std::uint64_t>(0, 10));

}  // namespace
}  // namespace parley::detail

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  constexpr std::string_view kSeed = "--seed=";
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (!argument.starts_with(kSeed)) continue;
    const std::uint64_t seed = std::strtoull(argument.c_str() + kSeed.size(), nullptr, 10);
    const std::string violation = parley::detail::SessionSimulation(seed, /*trace=*/true).Run();
    std::cout << (violation.empty() ? "as it should be" : violation) << "\n";
    return violation.empty() ? 0 : 1;
  }
  return RUN_ALL_TESTS();
}
