#include "sweep/shards.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <queue>
#include <utility>

#include "sweep/units.h"

namespace saesweep::sweep {
namespace {

// Costs are whole microseconds, so that sums do not depend on their order, nor on how a compiler rounds.
struct Price {
  int64_t own = 0;
  int64_t forward = 0;
};

struct PricedGroup {
  //! Numbers of cells, lower forward first.
  std::vector<size_t> cells;
  int64_t total = 0;
};

int64_t microseconds(double seconds) {
  return std::llround(seconds * 1e6);
}

std::vector<Price> prices_of(std::span<const Cell> cells, const CostModel& cost) {
  std::vector<Price> prices;
  prices.reserve(cells.size());
  for (const Cell& cell : cells) {
    const Cell* alone = &cell;
    prices.push_back({microseconds(cost.cell_seconds(cell)), microseconds(cost.shared_seconds({&alone, 1}))});
  }
  return prices;
}

// Longest first.
std::vector<PricedGroup> priced_groups(std::span<const Cell> cells, const std::vector<Price>& prices) {
  std::vector<PricedGroup> groups;
  for (Group& group : make_groups(cells)) {
    PricedGroup priced{.cells = std::move(group.cells)};
    std::ranges::stable_sort(priced.cells, {}, [&](size_t i) { return prices[i].forward; });
    priced.total = prices[priced.cells.back()].forward;
    for (const size_t i : priced.cells) priced.total += prices[i].own;
    groups.push_back(std::move(priced));
  }
  std::ranges::stable_sort(groups, std::greater<>(), &PricedGroup::total);
  return groups;
}

class Division {
 public:
  Division(const std::vector<PricedGroup>& groups, const std::vector<Price>& prices, int n_shards)
      : groups_(groups), prices_(prices), loads_(static_cast<size_t>(n_shards), 0), shards_(prices.size(), 0) {}

  //! Gives every cell a shard such that none exceeds `most`; false where it does not come to that.
  bool fill(int64_t most) {
    std::ranges::fill(loads_, 0);
    std::vector<const PricedGroup*> left;
    put_whole(most, left);
    size_t shard = 0;
    for (const PricedGroup* group : left) {
      for (size_t begin = 0; begin < group->cells.size();) {
        if (shard == loads_.size()) return false;
        begin = put_part(*group, begin, shard, most);
        if (begin < group->cells.size()) ++shard;
      }
    }
    return true;
  }

  //! A cell for each shard that has none, from the one that has most.
  void leave_none_empty();

  const std::vector<int>& shards() const { return shards_; }

 private:
  // Each to the shard with the least load, where it fits.
  void put_whole(int64_t most, std::vector<const PricedGroup*>& left) {
    using Load = std::pair<int64_t, size_t>;
    std::priority_queue<Load, std::vector<Load>, std::greater<>> least;
    for (size_t shard = 0; shard < loads_.size(); ++shard) least.emplace(0, shard);
    for (const PricedGroup& group : groups_) {
      const auto [load, shard] = least.top();
      if (load + group.total > most) {
        left.push_back(&group);
        continue;
      }
      least.pop();
      for (const size_t i : group.cells) shards_[i] = static_cast<int>(shard);
      loads_[shard] = load + group.total;
      least.emplace(loads_[shard], shard);
    }
  }

  // As many cells of a group as the shard has room for. Returns where the rest begins.
  size_t put_part(const PricedGroup& group, size_t begin, size_t shard, int64_t most) {
    int64_t own = 0, taken = 0;
    size_t end = begin;
    for (; end < group.cells.size(); ++end) {
      const Price& price = prices_[group.cells[end]];
      own += price.own;
      if (loads_[shard] + own + price.forward > most) break;
      taken = own + price.forward;
      shards_[group.cells[end]] = static_cast<int>(shard);
    }
    loads_[shard] += taken;
    return end;
  }

  const std::vector<PricedGroup>& groups_;
  const std::vector<Price>& prices_;
  std::vector<int64_t> loads_;
  std::vector<int> shards_;
};

void Division::leave_none_empty() {
  std::vector<std::vector<size_t>> cells(loads_.size());
  for (size_t i = 0; i < shards_.size(); ++i) cells[static_cast<size_t>(shards_[i])].push_back(i);
  std::priority_queue<std::pair<size_t, size_t>> most;
  for (size_t shard = 0; shard < cells.size(); ++shard) most.emplace(cells[shard].size(), shard);
  for (size_t shard = 0; shard < cells.size(); ++shard) {
    if (!cells[shard].empty()) continue;
    const size_t giver = most.top().second;
    if (cells[giver].size() < 2) return;
    most.pop();
    shards_[cells[giver].back()] = static_cast<int>(shard);
    cells[giver].pop_back();
    most.emplace(cells[giver].size(), giver);
  }
}

}  // namespace

std::vector<int> shard_of_cells(std::span<const Cell> cells, const CostModel& cost, int n_shards) {
  const std::vector<Price> prices = prices_of(cells, cost.for_division());
  const std::vector<PricedGroup> groups = priced_groups(cells, prices);
  Division division(groups, prices, n_shards);
  // The least load that all can keep to. Whole groups cost less than parts, so a little above the mean is good enough
  // where it keeps them whole.
  const auto add = [](int64_t sum, const PricedGroup& group) { return sum + group.total; };
  const int64_t total = std::accumulate(groups.begin(), groups.end(), int64_t{0}, add);
  const int64_t mean = total / n_shards;
  int64_t low = mean + mean / 50, high = total;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (division.fill(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  division.fill(high);
  division.leave_none_empty();
  return division.shards();
}

}  // namespace saesweep::sweep
