#include "app/plan_checkpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/progress.h"
#include "sweep/checkpointing.h"
#include "train/checkpoint.h"
#include "train/checkpoint_pace.h"

namespace saesweep::app {
namespace {

using Kind = train::CheckpointEvery::Kind;

uint64_t bytes_of(const sweep::Cell& cell, const sweep::SweepOptions& options) {
  return cell.is_loaded() ? 0 : train::checkpoint_bytes(cell.d_in, cell.n_latents, cell.sae, options.train);
}

void add_unit(CheckpointPlan& plan, const std::vector<const sweep::Cell*>& cells, const sweep::SweepOptions& options,
              const sweep::CostModel& cost) {
  uint64_t bytes = 0;
  int64_t tokens = 1;
  for (const sweep::Cell* cell : cells) {
    bytes += bytes_of(*cell, options);
    tokens = std::max(tokens, cell->tokens);
  }
  const sweep::StageSeconds seconds = cost.stages(cells);
  const double share = std::min(1.0, plan.every.amount / static_cast<double>(tokens));
  plan.unit_bytes = std::max(plan.unit_bytes, bytes);
  plan.all_bytes += bytes;
  plan.train_seconds = std::max(plan.train_seconds, seconds.train);
  plan.tokens_seconds = std::max(plan.tokens_seconds, seconds.train * share);
  plan.evaluate_seconds = std::max(plan.evaluate_seconds, seconds.evaluate);
  plan.harvest_seconds = std::max(plan.harvest_seconds, seconds.harvest);
}

//! Tenths below ten seconds.
std::string precise_duration_text(double seconds) {
  return seconds < 9.95 ? fmt::format("{:.1f} s", seconds) : duration_text(seconds);
}

std::string interval_text(const CheckpointPlan& plan) {
  const double seconds = plan.interval_seconds();
  if (plan.every.kind == Kind::kNever) return "Never saved while it trains";
  const bool by_tokens = plan.every.kind == Kind::kTokens;
  const std::string every = by_tokens ? fmt::format("Saved every {:.0f} tokens, so every {}", plan.every.amount,
                                                    precise_duration_text(seconds))
                                      : fmt::format("Saved every {}", duration_text(seconds));
  const bool is_reached = seconds < plan.train_seconds;
  return is_reached ? every : every + ", longer than any unit trains, so not at all";
}

}  // namespace

double CheckpointPlan::interval_seconds() const {
  switch (every.kind) {
    case Kind::kNever:
      return std::numeric_limits<double>::infinity();
    case Kind::kTokens:
      return tokens_seconds + write_seconds();
    case Kind::kSeconds:
      return every.amount + write_seconds();
    case Kind::kAuto:
      break;
  }
  return train::CheckpointPace::auto_interval(write_seconds()) + write_seconds();
}

double CheckpointPlan::lost_seconds() const {
  return std::min(train_seconds, interval_seconds());
}

CheckpointPlan plan_checkpoints(const sweep::SweepOptions& options, std::span<const sweep::Cell> cells,
                                std::span<const sweep::Unit> units, const sweep::CostModel& cost,
                                std::optional<double> bytes_per_second) {
  CheckpointPlan plan{.every = sweep::checkpoint_every_of(options),
                      .every_text = options.run.checkpoint_every,
                      .grace_seconds = options.run.grace_seconds};
  if (bytes_per_second) plan.bytes_per_second = *bytes_per_second;
  plan.is_speed_assumed = !bytes_per_second;
  for (const sweep::Unit& unit : units) {
    std::vector<const sweep::Cell*> together;
    for (const size_t number : unit.cells) together.push_back(&cells[number]);
    add_unit(plan, together, options, cost);
  }
  return plan;
}

std::string checkpoints_text(const CheckpointPlan& plan) {
  if (plan.unit_bytes == 0) return "";
  const double rest = std::max(plan.evaluate_seconds, plan.harvest_seconds);
  const std::string grace = fmt::format("run.grace ({})", duration_text(plan.grace_seconds));
  const std::string stop =
      plan.fits_grace()
          ? fmt::format("It fits into {}: a signal to stop loses no training", grace)
          : fmt::format("It does not fit into {}: a signal to stop loses what is trained since the last one", grace);
  return fmt::format(
      "Checkpoints: up to {} a unit, {} for all cells at once; a unit's takes {} at {:.0f} MB/s a rank{}\n"
      "  {}\n"
      "  {} (run.checkpoint_every = \"{}\"): a kill loses a rank at most {} of training, or the {} of a unit's "
      "evaluation or harvest\n",
      bytes_text(plan.unit_bytes), bytes_text(plan.all_bytes), precise_duration_text(plan.write_seconds()),
      plan.bytes_per_second / 1e6, plan.is_speed_assumed ? " (assumed; --disk-speed gives another)" : "", stop,
      interval_text(plan), plan.every_text, duration_text(plan.lost_seconds()), duration_text(rest));
}

}  // namespace saesweep::app
