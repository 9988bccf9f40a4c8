#include <gtest/gtest.h>
#include <unistd.h>

#include <numeric>

#include "base/errors.h"
#include "mpi/comm.h"

namespace saesweep::mpi {
namespace {

std::string text_of(int rank) {
  return std::string(static_cast<size_t>(rank) * 3, static_cast<char>('a' + rank));
}

TEST(Comm, RanksAreNumberedOnce) {
  const Comm world = Comm::world();
  const std::vector<int> ranks = world.all_gather(world.rank());
  std::vector<int> expected(static_cast<size_t>(world.size()));
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(ranks, expected);
}

TEST(Comm, BroadcastGivesTheRootsValueToAll) {
  const Comm world = Comm::world();
  const int root = world.size() - 1;
  EXPECT_EQ(world.broadcast("from " + std::to_string(world.rank()), root), "from " + std::to_string(root));
  EXPECT_EQ(world.broadcast<int64_t>((int64_t{1} << 40) + world.rank(), root), (int64_t{1} << 40) + root);
  std::vector<double> values(3, world.rank() + 0.5);
  world.broadcast(std::span<double>(values), root);
  EXPECT_EQ(values, std::vector<double>(3, root + 0.5));
}

TEST(Comm, BroadcastOfAnEmptyTextEmptiesTheOthers) {
  const Comm world = Comm::world();
  EXPECT_EQ(world.broadcast(world.is_root() ? std::string() : std::string("old")), "");
}

TEST(Comm, GatherKeepsTheOrderOfRanksForTextsOfAnyLength) {
  const Comm world = Comm::world();
  std::vector<std::string> expected;
  for (int rank = 0; rank < world.size(); ++rank) expected.push_back(text_of(rank));
  EXPECT_EQ(world.all_gather(text_of(world.rank())), expected);
  const auto at_root = world.gather(text_of(world.rank()));
  EXPECT_EQ(at_root, world.is_root() ? expected : std::vector<std::string>());
}

TEST(Comm, ReducesOverAllRanks) {
  const Comm world = Comm::world();
  const int n = world.size();
  EXPECT_EQ(world.sum<int64_t>(world.rank() + 1), n * (n + 1) / 2);
  EXPECT_EQ(world.max<double>(world.rank()), n - 1);
  EXPECT_EQ(world.min<int>(world.rank() - 5), -5);
  EXPECT_TRUE(world.all(true));
  EXPECT_FALSE(world.all(world.rank() != n - 1));
}

TEST(Comm, NodeLocalHoldsAllRanksOfOneMachine) {
  const Comm world = Comm::world();
  const Comm local = world.node_local();
  EXPECT_EQ(local.size(), world.size());
  EXPECT_EQ(local.rank(), world.rank());
}

TEST(Comm, MessagesOfADuplicateStayApart) {
  const Comm world = Comm::world();
  const Comm copy = world.duplicate();
  const std::byte sent{42};
  copy.send((world.rank() + 1) % world.size(), 7, std::span(&sent, 1));
  std::optional<Message> message;
  while (!(message = copy.try_receive(kAnySource, 7))) {
    EXPECT_FALSE(world.try_receive(kAnySource, 7));
    usleep(50);
  }
  EXPECT_EQ(message->source, (world.rank() + world.size() - 1) % world.size());
  EXPECT_EQ(message->bytes, std::vector{sent});
}

TEST(Comm, AnErrorCarriesMpisOwnText) {
  try {
    Comm::world().send(1'000'000, 0, {});
    FAIL() << "a send to no rank went through";
  } catch (const SystemError& error) {
    EXPECT_NE(std::string(error.what()).find("MPI_Send: MPI_ERR_RANK"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace saesweep::mpi
