#include "app/plan_device.h"

#include <fmt/format.h>

#include "app/table.h"
#include "base/progress.h"

namespace saesweep::app {

namespace {

void add_unit(DevicePlan& plan, const std::vector<const sweep::Cell*>& cells, const sweep::CostModel& cost) {
  const double forward = cost.shared(cells).train;
  const sweep::StageSeconds seconds = cost.stages(cells);
  plan.forward_seconds += forward;
  plan.train_seconds += seconds.train - forward;
  plan.evaluate_seconds += seconds.evaluate;
  plan.harvest_seconds += seconds.harvest;
}

std::string hours_text(double seconds) {
  const double hours = seconds / 3600;
  return hours < 9.995   ? fmt::format("{:.2f}", hours)
         : hours < 99.95 ? fmt::format("{:.1f}", hours)
                         : fmt::format("{:.0f}", hours);
}

std::string hours_table(const DevicePlan& plan) {
  TextTable table({"forward passes", "SAE training", "evaluation", "harvest", "device hours"});
  table.add({hours_text(plan.forward_seconds), hours_text(plan.train_seconds), hours_text(plan.evaluate_seconds),
             hours_text(plan.harvest_seconds), hours_text(plan.seconds())});
  return table.text();
}

}  // namespace

DevicePlan plan_device(const sweep::NamedDevice& device, std::span<const sweep::Cell> cells,
                       std::span<const sweep::Unit> units, const sweep::CostModel& cost, uint64_t usable_bytes) {
  DevicePlan plan{.device = &device, .usable_bytes = usable_bytes};
  for (const sweep::Unit& unit : units) {
    std::vector<const sweep::Cell*> together;
    for (const size_t number : unit.cells) together.push_back(&cells[number]);
    add_unit(plan, together, cost);
  }
  for (const sweep::Cell& cell : cells) {
    const sweep::Cell* alone = &cell;
    if (cost.memory_bytes({&alone, 1}) > usable_bytes) ++plan.n_too_large;
  }
  return plan;
}

std::string device_plan_text(const DevicePlan& plan) {
  std::string text = fmt::format("\nPlanned for {} ({}), one a rank; a unit may take {} of it\n{}\n{}",
                                 plan.device->name, plan.device->product, bytes_text(plan.usable_bytes),
                                 sweep::assumptions_text(*plan.device), hours_table(plan));
  for (const std::string& note : plan.notes) text += "Note: " + note + "\n";
  return text;
}

std::string too_large_text(const DevicePlan& plan, size_t n_cells, uint64_t cell_bytes) {
  if (plan.n_too_large == 0) return "";
  return fmt::format(
      "DOES NOT FIT: {} of {} cells do not fit on {}, and a run would refuse them: the largest needs {}, "
      "a unit may take {}.\n"
      "Plan for a larger device, a smaller expansion_factor, or sae.optimizer_state = \"bfloat16\" (a third less). "
      "What follows counts these cells all the same.\n",
      plan.n_too_large, n_cells, plan.device->name, bytes_text(cell_bytes), bytes_text(plan.usable_bytes));
}

}  // namespace saesweep::app
