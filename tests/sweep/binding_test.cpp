#include "sweep/binding.h"

#include <gtest/gtest.h>

namespace saesweep::sweep {
namespace {

RankPlace on(const std::string& host, std::vector<int> cores, int threads = 1, const std::string& device = "",
             int n_devices = 0) {
  return {host, std::move(cores), threads, device, n_devices};
}

TEST(Binding, RanksWithCoresOfTheirOwnAreWell) {
  const std::vector<RankPlace> places = {on("a", {0}), on("a", {1}), on("b", {0, 1}, 2)};
  EXPECT_TRUE(place_warnings(places).empty());
  EXPECT_EQ(places_text(places),
            "a: ranks 0-1, each on cores of its own, rank 0 on 0, 1 thread each\n"
            "b: rank 2, on cores 0-1, 2 threads\n");
}

TEST(Binding, RanksThatShareEnoughCoresAreWell) {
  EXPECT_TRUE(place_warnings(std::vector{on("a", {0, 1, 2, 3}, 2), on("a", {0, 1, 2, 3}, 2)}).empty());
}

TEST(Binding, TwoRanksOnOneCoreAreWarnedAbout) {
  const auto warnings = place_warnings(std::vector{on("a", {3}), on("a", {3}), on("b", {3})});
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("a: ranks 0-1"), std::string::npos) << warnings[0];
  EXPECT_NE(warnings[0].find("core 3 alone"), std::string::npos) << warnings[0];
}

TEST(Binding, MoreThreadsThanCoresAreWarnedAbout) {
  const auto warnings = place_warnings(std::vector{on("a", {0}, 2)});
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("PE=2"), std::string::npos) << warnings[0];
}

TEST(Binding, AllOnOneDeviceWhileOthersIdleIsWarnedAbout) {
  const auto warnings =
      place_warnings(std::vector{on("a", {0}, 1, "0000:65:00.0", 4), on("a", {1}, 1, "0000:65:00.0", 4)});
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("3 of 4"), std::string::npos) << warnings[0];
}

TEST(Binding, SeveralRanksADeviceAreWellWhereAllDevicesAreUsed) {
  EXPECT_TRUE(place_warnings(std::vector{on("a", {0}, 1, "x", 2), on("a", {1}, 1, "x", 2), on("a", {2}, 1, "y", 2),
                                         on("a", {3}, 1, "y", 2)})
                  .empty());
}

TEST(Binding, ThisProcessHasACore) {
  const RankPlace own = own_place(at::Device(at::kCPU), 1);
  EXPECT_FALSE(own.host.empty());
  EXPECT_FALSE(own.cores.empty());
  EXPECT_EQ(own.device, "");
}

}  // namespace
}  // namespace saesweep::sweep
