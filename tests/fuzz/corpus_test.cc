// Feeds a fuzz target all that was kept of its runs: what it should know from the start and what it
// has found. Compiled once with each target.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_input.h"

TEST(FuzzCorpus, HarmsNobody) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(PARLEY_TEST_CORPUS)) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  EXPECT_FALSE(files.empty());
  for (const std::filesystem::path& path : files) {
    std::cout << path.filename().string() << std::endl;  // if this is the last, it is the one
    std::ifstream file(path, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)),
                            std::istreambuf_iterator<char>());
    // Of its own, so that reading beyond it is noticed.
    const std::vector<std::uint8_t> input(bytes.begin(), bytes.end());
    EXPECT_EQ(LLVMFuzzerTestOneInput(input.data(), input.size()), 0);
  }
}

// What is no input at all.
TEST(FuzzCorpus, MayBeEmpty) { EXPECT_EQ(LLVMFuzzerTestOneInput(nullptr, 0), 0); }
