#pragma once

#include <cstddef>
#include <vector>

namespace saesweep::sweep {

//! What a unit costs, for the scheduler. Cells keep the unit's order.
struct UnitCost {
  //! Of each cell alone: its training steps, its encoding.
  std::vector<double> cell_seconds;
  //! Of each cell, what the forward passes take up to its hookpoint; cells that train together pay the largest, once.
  std::vector<double> forward_seconds;

  //! Of cells [first, last) together.
  double seconds(size_t first, size_t last) const;
};

//! Cells [first, last) of a unit, for one rank.
struct Assignment {
  size_t unit = 0;
  size_t first = 0;
  size_t last = 0;
  //! By UnitCost, on a rank of speed 1.
  double seconds = 0;

  bool operator==(const Assignment&) const = default;
};

//! Hands out units, the longest first, to ranks that ask; learns each rank's speed from what it has finished. Where
//! ranks would idle at the end, it cuts what is left of a group into smaller parts, and lets a slow rank wait rather
//! than have all others wait for it. Never worse than total / sum of speeds + longest unit / slowest rank. Pure logic:
//! the caller gives the clock. Not thread-safe.
class Scheduler {
 public:
  enum class Answer { kWork, kWait, kNoMore };
  struct Reply {
    Answer answer = Answer::kNoMore;
    Assignment work = {};
  };

  //! splits: whether units may be cut at all (cells_per_unit = 0).
  Scheduler(std::vector<UnitCost> units, int n_ranks, bool splits = true);

  //! A rank is free, at `now` seconds of a clock that never goes back: what it was given before is finished. kWait: it
  //! asks again, a little later (which counts as no finished work).
  Reply next(int rank, double now);

  //! Seconds of speed 1 not yet given out.
  double seconds_left() const;
};

}  // namespace saesweep::sweep
