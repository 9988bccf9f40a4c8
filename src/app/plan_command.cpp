#include "app/plan_command.h"

#include <fmt/format.h>

#include "app/arguments.h"
#include "app/plan_text.h"
#include "base/errors.h"
#include "config/key.h"
#include "config/sweep_file.h"
#include "model/compute.h"
#include "sweep/device.h"
#include "sweep/expand.h"
#include "sweep/output.h"

namespace saesweep::app {

namespace po = boost::program_options;

namespace {

constexpr const char* kUsage =
    "Usage: saesweep plan SWEEP.toml [options]\n\n"
    "Checks the sweep, its models and its text; prints cells, groups, units, memory, time and schedule.\n"
    "Starts nothing and writes nothing.\n";

po::options_description describe() {
  po::options_description options("Options");
  options.add_options()("ranks", po::value<int>()->default_value(1)->value_name("N"), "ranks to plan for")(
      "set", po::value<std::vector<std::string>>()->composing()->value_name("TABLE.KEY=VALUE"),
      "replaces a setting of the sweep file; may be given more than once")("cells", "lists every cell")(
      "resolved", "prints the sweep with every default filled in, and nothing else")(
      "keys", "prints the keys of a sweep file with their meaning and default, and nothing else");
  return options;
}

std::vector<std::string> overrides_of(const po::variables_map& given) {
  return given.contains("set") ? given["set"].as<std::vector<std::string>>() : std::vector<std::string>{};
}

Plan make_plan(sweep::SweepOptions options, int n_ranks) {
  options.run.device = sweep::device_kind(options, model::n_cuda_devices() > 0);
  const auto inputs = sweep::resolve_inputs(options);
  Plan plan{.options = options, .cells = sweep::expand(options, inputs), .units = {}, .n_ranks = n_ranks};
  // How many of the ranks share a machine is not known here: at least one has this one's memory.
  const uint64_t memory = sweep::rank_memory(options.run, 1);
  const sweep::CostModel cost(options, inputs);
  plan.units = sweep::make_units(plan.cells, options.run, cost, memory);
  // Cells may be meant for a larger machine; what they need is printed. A buffer is the user's own choice.
  sweep::check_buffers(options, plan.cells, cost, memory);
  for (const auto& cell : plan.cells) {
    const auto* alone = &cell;
    plan.cell_bytes = std::max(plan.cell_bytes, cost.memory_bytes({&alone, 1}));
  }
  plan.output_bytes = sweep::output_bytes(plan.cells, options);
  return plan;
}

}  // namespace

int plan_command(const std::vector<std::string>& args) {
  const auto options = describe();
  const auto given = parse_arguments("plan", args, options, "sweep");
  if (given.contains("help")) {
    fmt::print("{}", help_text(kUsage, options));
    return 0;
  }
  if (given.contains("keys")) {
    fmt::print("{}", config::list_keys());
    return 0;
  }
  const int n_ranks = given["ranks"].as<int>();
  if (n_ranks < 1) throw ConfigError("saesweep plan", fmt::format("--ranks: found {}, expected at least 1", n_ranks));
  const auto sweep_options =
      config::read_sweep(required_argument("plan", given, "sweep", "sweep file"), overrides_of(given));
  if (given.contains("resolved")) {
    fmt::print("{}", sweep_options.resolved);
    return 0;
  }
  const auto plan = make_plan(sweep_options, n_ranks);
  fmt::print("{}", plan_text(plan));
  if (given.contains("cells")) fmt::print("\n{}", cells_text(plan));
  return 0;
}

}  // namespace saesweep::app
