// Many runs of a simulation, each told apart by its number, for the tests that make up their schedules
// at random. A number that fails is printed, and runs alone with --seed=NUMBER.
#ifndef PARLEY_TESTS_SEEDED_RUNS_H_
#define PARLEY_TESTS_SEEDED_RUNS_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

namespace parley::seeded {

#ifdef PARLEY_TEST_SANITIZED
inline constexpr std::uint64_t kSeedsEach = 1000;
#else
inline constexpr std::uint64_t kSeedsEach = 10'000;
#endif

// Runs one and returns what went wrong; "" if nothing did. `trace`: it shows its steps, if it can.
using Simulation = std::string (*)(std::uint64_t seed, bool trace);

// The kSeedsEach runs of block number `block`. `program`: what the test is called.
inline void ExpectBlockPasses(std::uint64_t block, std::string_view program, Simulation run) {
  int failures = 0;
  for (std::uint64_t i = 0; i < kSeedsEach && failures < 5; ++i) {
    const std::uint64_t seed = block * kSeedsEach + i;
    const std::string violation = run(seed, false);
    if (violation.empty()) continue;
    ADD_FAILURE() << violation << "\n  to see it: " << program << " --seed=" << seed;
    ++failures;
  }
}

// The test's main: with --seed=NUMBER that run alone, else all tests.
inline int Main(int argc, char** argv, Simulation run) {
  testing::InitGoogleTest(&argc, argv);
  constexpr std::string_view kSeed = "--seed=";
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (!argument.starts_with(kSeed)) continue;
    const std::uint64_t seed = std::strtoull(argument.c_str() + kSeed.size(), nullptr, 10);
    const std::string violation = run(seed, true);
    std::cout << (violation.empty() ? "as it should be" : violation) << "\n";
    return violation.empty() ? 0 : 1;
  }
  return RUN_ALL_TESTS();
}

}  // namespace parley::seeded

#endif  // PARLEY_TESTS_SEEDED_RUNS_H_
