#pragma once

#include <functional>
#include <span>
#include <vector>

#include "sweep/scheduler.h"

namespace saesweep::sweep {

//! What one rank did in a simulation.
struct SimulatedRank {
  //! In this order, and when each began.
  std::vector<Assignment> work = {};
  std::vector<double> begins = {};
  //! When it finished its last work; 0 where it had none.
  double end = 0;
  //! At work.
  double busy_seconds = 0;
};

struct Simulation {
  std::vector<SimulatedRank> ranks;
  //! When the last rank finished.
  double makespan = 0;
  //! Assignments that are parts of units.
  size_t n_parts = 0;
  //! Questions that the scheduler answered, of ranks that wait included.
  size_t n_asked = 0;
};

//! What the Scheduler would do with ranks of these speeds, which it does not know; without real time. Work takes its
//! predicted seconds / speed, times factor(unit) where there is one. Equal numbers in, equal numbers out.
Simulation simulate(std::vector<UnitCost> units, std::span<const double> speeds, bool splits = true,
                    const std::function<double(size_t unit)>& factor = {});

}  // namespace saesweep::sweep
