#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "sweep/rank_speeds.h"

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
//!
//! All ranks should end together: at the time by which what is left, poured over the ranks as they become free, is
//! done. Work goes out whole while it ends well before. A rank's first and second work is short, so that its speed is
//! known before it gets any that is long; one that is slower than others gets the longest that ends well before, and
//! leaves what is longer to them. Towards the end
//! - parts go out that end before halfway to that time, so that later parts even out what was predicted wrong; but the
//!   less finely the more the forward passes cost, which each part pays again;
//! - a unit that would end later is cut where that ends it earlier, given out if no rank would end it earlier, and else
//!   kept for those that would.
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
  //! asks again, a little later (which counts as no finished work). Takes microseconds, near the end as many as there
  //! are ranks / 100.
  Reply next(int rank, double now);

  //! Seconds of speed 1 not yet given out.
  double seconds_left() const;

 private:
  //! Cells of a unit that are not given out.
  struct Piece {
    double seconds = 0;
    //! Of that the forward passes.
    double forward = 0;
    size_t unit = 0;
    uint32_t first = 0;
    uint32_t last = 0;
    //! Longest first, then by unit and cell.
    bool operator<(const Piece& other) const;
  };
  using Pieces = std::set<Piece>;
  //! The ranks as they stand when one of them asks.
  struct View;

  void add(size_t unit, size_t first, size_t last);
  Reply give(Pieces::iterator piece, uint32_t last, int rank, double now);
  double safe_share(int rank) const;
  bool is_early(const Piece& piece, int rank) const;
  bool leaves_long(const View& view) const;
  std::optional<Pieces::iterator> choose_safe(const View& view) const;
  View look(int rank, double now);
  double common_end(const View& view) const;
  double longest_cell();
  uint32_t cut_early(const Piece& piece, const View& view) const;
  uint32_t cut_to_end(const Piece& piece, const View& view) const;
  bool gains(const Piece& piece, uint32_t cut, const View& view) const;
  size_t n_better(double seconds, double by, const View& view) const;
  std::optional<Pieces::iterator> choose_late(const View& view) const;

  std::vector<UnitCost> units_;
  bool splits_;
  Pieces pieces_;
  //! Of all pieces.
  double seconds_left_ = 0;
  double forward_left_ = 0;
  size_t cells_left_ = 0;
  //! Of each unit.
  std::vector<uint32_t> unit_cells_left_;
  //! The longest cell of each unit, alone; rising. Units that are given out leave when they come last.
  std::vector<std::pair<double, size_t>> longest_cells_;
  RankSpeeds speeds_;
  //! The number of its last question, of a rank that was told to wait; else 0.
  std::vector<int64_t> waits_since_;
  int64_t n_asked_ = 0;
  //! Until then, and until a rank gets or finishes work, no rank up to this speed gets any.
  double wait_until_;
  double wait_speed_ = 0;
};

}  // namespace saesweep::sweep
