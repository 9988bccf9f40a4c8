#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sweep/cell.h"
#include "sweep/cost.h"
#include "sweep/named_devices.h"
#include "sweep/units.h"

namespace saesweep::app {

//! What a sweep takes of devices of a kind that need not be here.
struct DevicePlan {
  const sweep::NamedDevice* device = nullptr;
  //! Of a device, for the cells of a unit.
  uint64_t usable_bytes = 0;
  //! Of all units, one after the other: the model's forward passes in training, and what SAEs add to them; evaluation
  //! and harvest whole. The judge's own device is in none of them.
  double forward_seconds = 0, train_seconds = 0, evaluate_seconds = 0, harvest_seconds = 0;
  //! Cells that do not fit on the device alone.
  size_t n_too_large = 0;
  //! What the plan took for granted.
  std::vector<std::string> notes = {};

  double seconds() const { return forward_seconds + train_seconds + evaluate_seconds + harvest_seconds; }
};

DevicePlan plan_device(const sweep::NamedDevice& device, std::span<const sweep::Cell> cells,
                       std::span<const sweep::Unit> units, const sweep::CostModel& cost, uint64_t usable_bytes);

//! For people: the device and what is assumed of it, device hours by stage, notes.
std::string device_plan_text(const DevicePlan& plan);

//! For people, to stand first: how many cells do not fit, and what to do; "" where all do. cell_bytes: of the largest.
std::string too_large_text(const DevicePlan& plan, size_t n_cells, uint64_t cell_bytes);

}  // namespace saesweep::app
