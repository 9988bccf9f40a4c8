#pragma once

#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "results/schema.h"
#include "sweep/cell.h"
#include "sweep/cost.h"
#include "sweep/units.h"

namespace saesweep::sweep {

//! What a cell takes of a rank's device, in predicted seconds, and how much of it is behind.
struct CellWork {
  //! Of each stage from its begin to its end; its part of what its unit's cells share among it.
  StageSeconds seconds = {};
  //! Shares of the stages that are done, 0 to 1.
  double trained = 0, evaluated = 0, harvested = 0;

  double left() const;
  //! Nothing more is done for it.
  void finish() { trained = evaluated = harvested = 1; }
};

//! Of the cells to do, trained in such units: `left` are the same as what is left of them to train, `stages` what is
//! done.
std::vector<CellWork> cell_work(std::span<const Cell> to_do, std::span<const Cell> left,
                                std::span<const results::Stage> stages, std::span<const Unit> units,
                                const CostModel& cost);

//! Work a second, over the last two minutes. It counts from the first sign of work: what comes before that, the
//! start, says nothing of what is to come.
class WorkRate {
 public:
  //! `now`: of a clock that never goes back.
  void add(double now, double work);
  //! Nothing before there is enough to go by.
  std::optional<double> at(double now) const;

 private:
  struct Point {
    double seconds, work;
  };
  //! Sums, about a second apart.
  std::deque<Point> points_;
  double work_ = 0;
};

//! What a run's ranks have left to do on their devices, and how long that takes as they go.
class WorkLeft {
 public:
  //! Of all cells together, in predicted seconds.
  explicit WorkLeft(double work) : whole_(work), left_(work) {}

  //! A rank begins a unit of so much work.
  void begin(int rank, double work) { ranks_[rank].left += work; }
  //! A rank has done some; `spared`: what need not be done though it was counted, or, below 0, must be though it was
  //! not.
  void take(int rank, double now, double done, double spared);

  //! Until all is done, at least what the rank with the longest unit has left. Nothing before it is known how fast the
  //! ranks that have begun are.
  std::optional<double> seconds(double now) const;

 private:
  struct Rank {
    //! Of the unit it is at.
    double left = 0;
    WorkRate rate = {};
  };
  double whole_, left_;
  std::map<int, Rank> ranks_;
};

}  // namespace saesweep::sweep
