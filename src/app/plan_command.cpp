#include "app/plan_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "app/arguments.h"
#include "app/plan_text.h"
#include "base/errors.h"
#include "config/key.h"
#include "config/sweep_file.h"
#include "model/compute.h"
#include "sweep/assumed_inputs.h"
#include "sweep/calibration.h"
#include "sweep/device.h"
#include "sweep/expand.h"
#include "sweep/named_devices.h"
#include "sweep/output.h"
#include "sweep/output_folders.h"
#include "sweep/simulate.h"
#include "sweep/units.h"

namespace saesweep::app {

namespace po = boost::program_options;

namespace {

constexpr const char* kUsage =
    "Usage: saesweep plan SWEEP.toml... [options]\n\n"
    "Checks the sweep, its models and its text; prints cells, groups, units, memory, time, schedule and checkpoints.\n"
    "Starts nothing and writes nothing.\n\n"
    "With --device it plans for GPUs that need not be here, and needs neither the models' weights nor the text: "
    "device\n"
    "hours by stage, from the vendor's figures and stated assumptions.\n";

constexpr const char* kMoreSweeps = "more sweeps";

std::string device_meaning() {
  std::string text = "plans for ranks with such a device each:";
  for (const sweep::NamedDevice& device : sweep::named_devices()) text += fmt::format(" {}", device.name);
  return text;
}

po::options_description describe() {
  po::options_description options("Options");
  options.add_options()("ranks", po::value<int>()->default_value(1)->value_name("N"), "ranks to plan for, of each job")(
      "shards", po::value<int>()->value_name("N"), "prints what each shard of an array of N jobs would do")(
      "disk-speed", po::value<double>()->value_name("MB/S"),
      "what a rank writes a second, for the time of a checkpoint (200)")(
      "device", po::value<std::string>()->value_name("NAME"), device_meaning().c_str())(
      "set", po::value<std::vector<std::string>>()->composing()->value_name("TABLE.KEY=VALUE"),
      "replaces a setting of the sweep file; may be given more than once")("cells", "lists every cell")(
      "resolved", "prints the sweep with every default filled in, and nothing else")(
      "keys", "prints the keys of a sweep file with their meaning and default, and nothing else");
  return options;
}

//! What the command line asks beside the sweep.
struct PlanSettings {
  int n_ranks = 1;
  //! 0: no division is shown.
  int n_shards = 0;
  std::optional<double> bytes_per_second = {};
  //! None: for what is here.
  const sweep::NamedDevice* device = nullptr;
};

PlanSettings settings_of(const po::variables_map& given) {
  PlanSettings settings{.n_ranks = given["ranks"].as<int>()};
  if (given.contains("shards")) settings.n_shards = given["shards"].as<int>();
  if (given.contains("disk-speed")) settings.bytes_per_second = given["disk-speed"].as<double>() * 1e6;
  if (given.contains("device")) settings.device = &sweep::named_device(given["device"].as<std::string>());
  const auto refuse = [](const char* option, auto found, const char* expected) {
    throw ConfigError("saesweep plan", fmt::format("{}: found {}, expected {}", option, found, expected));
  };
  if (settings.n_ranks < 1) refuse("--ranks", settings.n_ranks, "at least 1");
  if (given.contains("shards") && settings.n_shards < 1) refuse("--shards", settings.n_shards, "at least 1");
  if (settings.bytes_per_second && !(*settings.bytes_per_second > 0)) {
    refuse("--disk-speed", *settings.bytes_per_second / 1e6, "MB/s above 0");
  }
  return settings;
}

sweep::Simulation schedule_of(const Plan& plan, const sweep::CostModel& cost) {
  std::vector<sweep::UnitCost> costs;
  costs.reserve(plan.units.size());
  for (const sweep::Unit& unit : plan.units) costs.push_back(sweep::unit_cost(unit, plan.cells, cost));
  const std::vector<double> speeds(static_cast<size_t>(plan.n_ranks), 1);
  return sweep::simulate(std::move(costs), speeds, plan.options.run.cells_per_unit == 0);
}

//! By the cells that any job on the sweep's output has finished.
sweep::Calibration calibration_of(const sweep::SweepOptions& options) {
  const sweep::OutputFolders folders(options.output, {});
  std::vector<std::filesystem::path> results{folders.results()};
  for (const std::filesystem::path& other : folders.others()) results.push_back(other / "results.h5");
  return sweep::calibrate(results);
}

//! What a plan rests on: here, or on a device by name.
struct Basis {
  sweep::SweepOptions options;
  sweep::ResolvedInputs inputs;
  //! Of a rank.
  uint64_t memory = 0;
  //! Finished cells that `cost` rests on.
  int64_t n_cells_known = 0;
  sweep::CostModel cost;
  std::vector<std::string> notes = {};
};

Basis basis_here(sweep::SweepOptions options) {
  options.run.device = sweep::device_kind(options, model::n_cuda_devices() > 0);
  auto inputs = sweep::resolve_inputs(options);
  const sweep::Calibration calibration = calibration_of(options);
  // How many of the ranks share a machine is not known here: at least one has this one's memory.
  const uint64_t memory = sweep::rank_memory(options.run, 1);
  const sweep::CostModel cost = sweep::CostModel(options, inputs).with_factors(calibration.factors);
  return {std::move(options), std::move(inputs), memory, calibration.n_cells, cost, {}};
}

//! Nothing that was measured here, on another device, enters.
Basis basis_on(const sweep::NamedDevice& device, sweep::SweepOptions options) {
  options.run.device = "cuda";
  auto [inputs, notes] = sweep::assume_inputs(options);
  const uint64_t memory =
      options.run.memory_gb > 0 ? sweep::rank_memory(options.run, 1) : sweep::usable_device_bytes(device.memory_bytes);
  const sweep::CostModel cost(options, inputs, sweep::speeds_of(device, options));
  return {std::move(options), std::move(inputs), memory, 0, cost, std::move(notes)};
}

Plan make_plan(const sweep::SweepOptions& options, const PlanSettings& settings) {
  const Basis basis = settings.device ? basis_on(*settings.device, options) : basis_here(options);
  const sweep::CostModel& cost = basis.cost;
  Plan plan;
  plan.options = basis.options;
  plan.cells = sweep::expand(basis.options, basis.inputs);
  plan.n_ranks = settings.n_ranks;
  plan.n_cells_known = basis.n_cells_known;
  plan.units = sweep::make_units(plan.cells, basis.options.run, cost, basis.memory);
  // Cells may be meant for a larger machine; what they need is printed. A buffer is the user's own choice.
  sweep::check_buffers(basis.options, plan.cells, cost, basis.memory);
  for (const auto& cell : plan.cells) {
    const auto* alone = &cell;
    plan.cell_bytes = std::max(plan.cell_bytes, cost.memory_bytes({&alone, 1}));
  }
  plan.schedule = schedule_of(plan, cost);
  plan.checkpoints = plan_checkpoints(basis.options, plan.cells, plan.units, cost, settings.bytes_per_second);
  if (settings.n_shards > 0) {
    plan.shards = plan_shards(plan.cells, basis.options.run, cost, basis.memory, settings.n_shards);
  }
  plan.output_bytes = sweep::output_bytes(plan.cells, basis.options);
  if (settings.device) {
    plan.device = plan_device(*settings.device, plan.cells, plan.units, cost, basis.memory);
    plan.device->notes = basis.notes;
  }
  return plan;
}

std::vector<std::string> files_of(const po::variables_map& given) {
  std::vector<std::string> files = {required_argument("plan", given, "sweep", "sweep file")};
  if (!given.contains(kMoreSweeps)) return files;
  for (const std::string& file : given[kMoreSweeps].as<std::vector<std::string>>()) files.push_back(file);
  return files;
}

void print_plan(const std::string& file, const po::variables_map& given, const PlanSettings& settings) {
  const sweep::SweepOptions options = config::read_sweep(file, overrides_of(given));
  if (given.contains("resolved")) {
    fmt::print("{}", options.resolved);
    return;
  }
  const Plan plan = make_plan(options, settings);
  fmt::print("{}", plan_text(plan));
  if (given.contains("cells")) fmt::print("\n{}", cells_text(plan));
}

}  // namespace

int plan_command(const std::vector<std::string>& args) {
  const auto options = describe();
  const auto given = parse_arguments("plan", args, options, "sweep", kMoreSweeps);
  if (given.contains("help")) {
    fmt::print("{}", help_text(kUsage, options));
    return 0;
  }
  if (given.contains("keys")) {
    fmt::print("{}", config::list_keys());
    return 0;
  }
  const PlanSettings settings = settings_of(given);
  const std::vector<std::string> files = files_of(given);
  for (const std::string& file : files) {
    if (files.size() > 1) fmt::print("{}# {}\n", &file == &files.front() ? "" : "\n", file);
    print_plan(file, given, settings);
  }
  return 0;
}

}  // namespace saesweep::app
