// version.h: the build system, the header and the library agree on the version.

#include "parley/version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace {

TEST(Version, HeaderAgreesWithTheBuildSystem) {
  EXPECT_STREQ(PARLEY_VERSION, PARLEY_TEST_PROJECT_VERSION);
}

TEST(Version, NumberAgreesWithTheText) {
  EXPECT_EQ(std::to_string(PARLEY_VERSION_NUMBER / 10000) + "." +
                std::to_string(PARLEY_VERSION_NUMBER / 100 % 100) + "." +
                std::to_string(PARLEY_VERSION_NUMBER % 100),
            PARLEY_VERSION);
}

TEST(Version, NamesParleyAndTheGrpcItRunsOn) {
  EXPECT_THAT(parley::Version(), testing::MatchesRegex("parley " PARLEY_VERSION
                                                       " \\(gRPC [0-9]+\\.[0-9]+\\.[0-9]+.*\\)"));
}

}  // namespace
