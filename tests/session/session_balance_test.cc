// Where a further session belongs, and that one after the other they end up spread evenly.
#include "src/wire/session/session_balance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string_view>
#include <vector>

namespace parley::detail {
namespace {

using testing::Optional;
using Servers = std::vector<std::string_view>;

TEST(SessionBalance, AServerWithTwoMoreGivesUpOne) {
  EXPECT_THAT(PlaceOnCrowdedServer({"A", "A"}, "B"), Optional(0));
  EXPECT_THAT(PlaceOnCrowdedServer({"B", "A", "A", "A"}, "B"), Optional(1));
  EXPECT_THAT(PlaceOnCrowdedServer({"A", "A", "B", "B", "B"}, "C"), Optional(2)) << "the fullest";
}

TEST(SessionBalance, AServerWithOneMoreKeepsIt) {
  EXPECT_EQ(PlaceOnCrowdedServer({"A"}, "B"), std::nullopt);
  EXPECT_EQ(PlaceOnCrowdedServer({"A", "A", "B"}, "B"), std::nullopt);
  EXPECT_EQ(PlaceOnCrowdedServer({"A", "A", "A"}, "A"), std::nullopt);
  EXPECT_EQ(PlaceOnCrowdedServer({}, "A"), std::nullopt);
}

TEST(SessionBalance, PlacesWithoutASessionDontCount) {
  EXPECT_EQ(PlaceOnCrowdedServer({"", "", "", "A"}, "B"), std::nullopt);
  EXPECT_THAT(PlaceOnCrowdedServer({"", "A", "", "", "A"}, "B"), Optional(1));
}

TEST(SessionBalance, OneAfterTheOtherTheyAreSpreadEvenly) {
  Servers servers(9, "A");
  for (int i = 0; i < 9; ++i) {
    const std::string_view next = Servers{"A", "B", "C"}[static_cast<std::size_t>(i) % 3];
    if (const auto place = PlaceOnCrowdedServer(servers, next)) servers[*place] = next;
  }
  EXPECT_THAT(servers, testing::UnorderedElementsAre("A", "A", "A", "B", "B", "B", "C", "C", "C"));
}

}  // namespace
}  // namespace parley::detail
