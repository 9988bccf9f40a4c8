#pragma once

#include <cstddef>
#include <cstdint>
#include <set>

#include "sweep/cell.h"
#include "sweep/cost.h"

namespace saesweep::sweep {

//! Latents a token that are active: k, or a share of them where an architecture takes no k.
double active_latents(const Cell& cell, double share);

//! Parameters of a cell's SAE.
double n_parameters(const Cell& cell);

//! What cells of one group that train together need, cell by cell, in the memory of what they are computed on: weights
//! of the model, SAEs with what the optimizer remembers, a batch of activations a hookpoint, a row of logits, and the
//! larger of what training works with (the activation buffer, a step) and, on the CPU, what harvest does (windows of
//! the latents it follows, at most [autointerp] harvest_memory_gb while it reads). Views the model.
class MemoryNeed {
 public:
  explicit MemoryNeed(const CostModel& cost) : cost_(&cost) {}

  void add(const Cell& cell);
  uint64_t bytes() const;
  //! Of these the activation buffer.
  uint64_t buffer_bytes() const;

 private:
  //! The SAE's share of what harvest holds: while it reads, and what it has found.
  double windows_bytes(const Cell& cell) const;
  double found_bytes(const Cell& cell) const;

  const CostModel* cost_;
  std::set<model::Hookpoint> hookpoints_;
  //! Of the model and a row of logits.
  double model_ = 0;
  double saes_ = 0;
  double activations_ = 0;
  double buffer_ = 0;
  double step_ = 0;
  double windows_ = 0;
  double found_ = 0;
};

}  // namespace saesweep::sweep
