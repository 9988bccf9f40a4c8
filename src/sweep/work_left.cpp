#include "sweep/work_left.h"

#include <algorithm>

namespace saesweep::sweep {

namespace {

constexpr double kRateSeconds = 120;
constexpr double kLeastSeconds = 10;
constexpr double kPointEvery = 1;
//! Of the whole work: less is what sums of parts are off by.
constexpr double kNothing = 1e-9;

}  // namespace

double CellWork::left() const {
  return seconds.train * (1 - trained) + seconds.evaluate * (1 - evaluated) + seconds.harvest * (1 - harvested);
}

std::vector<CellWork> cell_work(std::span<const Cell> to_do, std::span<const Cell> left,
                                std::span<const results::Stage> stages, std::span<const Unit> units,
                                const CostModel& cost) {
  std::vector<CellWork> all(to_do.size());
  for (const Unit& unit : units) {
    std::vector<const Cell*> cells;
    for (const size_t i : unit.cells) cells.push_back(&to_do[i]);
    const double share = 1 / static_cast<double>(cells.size());
    const StageSeconds shared = cost.shared(cells).times({share, share, share});
    for (const size_t i : unit.cells) {
      CellWork& work = all[i];
      work.seconds = cost.own(to_do[i]);
      work.seconds += shared;
      const auto tokens = static_cast<double>(to_do[i].tokens);
      work.trained = tokens > 0 ? 1 - static_cast<double>(left[i].tokens) / tokens : 0;
      work.evaluated = stages[i] >= results::Stage::kEvaluated ? 1 : 0;
      work.harvested = stages[i] >= results::Stage::kHarvested ? 1 : 0;
    }
  }
  return all;
}

void WorkRate::add(double now, double work) {
  if (points_.empty()) {
    if (work > 0) points_.push_back({now, 0});
    return;
  }
  work_ += work;
  if (now >= points_.back().seconds + kPointEvery) points_.push_back({now, work_});
  // The first is the last one that lies two minutes back.
  while (points_.size() > 1 && points_[1].seconds <= now - kRateSeconds) points_.pop_front();
}

std::optional<double> WorkRate::at(double now) const {
  if (points_.empty() || now < points_.front().seconds + kLeastSeconds || !(work_ > points_.front().work)) {
    return std::nullopt;
  }
  return (work_ - points_.front().work) / (now - points_.front().seconds);
}

void WorkLeft::take(int rank, double now, double done, double spared) {
  Rank& one = ranks_[rank];
  one.rate.add(now, done);
  one.left -= done + spared;
  left_ -= done + spared;
}

std::optional<double> WorkLeft::seconds(double now) const {
  const double nothing = whole_ * kNothing;
  if (!(left_ > nothing)) return 0;
  double rates = 0, longest = 0;
  for (const auto& [number, rank] : ranks_) {
    const std::optional<double> rate = rank.rate.at(now);
    const bool has_work = rank.left > nothing;
    if (!rate && has_work) return std::nullopt;
    if (!rate) continue;
    rates += *rate;
    if (has_work) longest = std::max(longest, rank.left / *rate);
  }
  if (!(rates > 0)) return std::nullopt;
  return std::max(left_ / rates, longest);
}

}  // namespace saesweep::sweep
