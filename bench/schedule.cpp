// How well the scheduler fills ranks: the real one against simulated ranks, over the paper's whole grid (290 SAEs,
// times as many seeds as make the units asked for), with durations and speeds that it does not know.
//
//   schedule [--ranks N,N,...] [--runs N] [--configs FOLDER] [--memory-gb N] [--cells N]
//
// Of each number of ranks: too few units, a few, and 20 a rank; ranks that are equal, and with an eighth at half and a
// sixteenth at a quarter of the speed. A unit takes what was predicted times exp(0.3 * normal). Compared, with true
// durations, are the bound max(total / sum of speeds, longest unit / fastest rank), within 5 % of which runs of at
// least 20 units a rank have to end, and the limit total / sum of speeds + longest unit / slowest rank, which holds for
// all. Exits with 1 where one is broken. --cells: plans and runs so many cells on 4,096 ranks instead, each a unit.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/random.h"
#include "model/config.h"
#include "sweep/expand.h"
#include "sweep/simulate.h"
#include "sweep/units.h"

namespace saesweep::bench {
namespace {

using sweep::UnitCost;

constexpr double kSigma = 0.3;
constexpr double kManyUnits = 20;
constexpr double kNearBound = 1.05;

struct Settings {
  std::vector<int> ranks = {16, 64, 256, 1024, 4096};
  int n_runs = 5;
  std::filesystem::path configs = "sweeps/configs";
  int64_t n_cells = 0;
  //! Of a rank's device.
  double memory_gb = 80;
};

struct PaperModel {
  const char* name;
  int64_t layer_stride;
};
constexpr PaperModel kModels[] = {
    {"pythia-70m", 1}, {"pythia-160m", 1}, {"pythia-410m", 1}, {"pythia-1b", 2}, {"pythia-6.9b", 4}};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

//! The paper's cells of one model.
sweep::SweepOptions sweep_of(const PaperModel& model) {
  sweep::SweepOptions options;
  options.source = "the paper's grid";
  options.axes = {.model_paths = {model.name},
                  .variants = {model::Variant::kTrained, model::Variant::kRerandomizedIncl,
                               model::Variant::kRerandomizedExcl, model::Variant::kStep0, model::Variant::kControl},
                  .init_seeds = {0},
                  .layers = {sweep::LayerSelection{.stride = model.layer_stride, .layers = {}}},
                  .hookpoints = {"residual"},
                  .architectures = {sae::Architecture::kTopK},
                  .expansion_factors = {64},
                  .ks = {32},
                  .l1_penalties = {},
                  .l0_penalties = {},
                  .sae_seeds = {0},
                  .tokens = {100'000'000}};
  options.evaluate = {.tokens = 1'000'000, .ce_tokens = 100'000};
  options.autointerp.is_wanted = true;
  options.run.device = "cuda";
  return options;
}

//! What the units of one seed cost, as large as a rank's memory allows.
std::vector<UnitCost> units_of_a_seed(const Settings& settings, int64_t cells_per_unit = 0) {
  std::vector<UnitCost> units;
  for (const PaperModel& model : kModels) {
    sweep::SweepOptions options = sweep_of(model);
    options.run.cells_per_unit = cells_per_unit;
    sweep::ModelInputs inputs;
    inputs.config = model::read_config(settings.configs / fmt::format("{}.json", model.name));
    inputs.hash = model.name;
    inputs.step0_hash = model.name;
    const sweep::ResolvedInputs resolved{
        .models = {{model.name, inputs}}, .train_text_hash = "", .held_out_text_hash = ""};
    const auto cells = sweep::expand(options, resolved);
    const sweep::CostModel cost(options, resolved);
    for (const auto& unit :
         sweep::make_units(cells, options.run, cost, static_cast<uint64_t>(settings.memory_gb * 1e9))) {
      units.push_back(sweep::unit_cost(unit, cells, cost));
    }
  }
  return units;
}

std::vector<UnitCost> repeated(const std::vector<UnitCost>& units, size_t n_seeds) {
  std::vector<UnitCost> all;
  all.reserve(units.size() * n_seeds);
  for (size_t seed = 0; seed < n_seeds; ++seed) all.insert(all.end(), units.begin(), units.end());
  return all;
}

std::vector<double> speeds_of(int n_ranks, bool with_slow) {
  std::vector<double> speeds(static_cast<size_t>(n_ranks), 1);
  for (size_t rank = 0; with_slow && rank < speeds.size(); ++rank) {
    if (rank % 8 == 3) speeds[rank] = 0.5;
    if (rank % 16 == 9) speeds[rank] = 0.25;
  }
  return speeds;
}

//! One run's figures, in seconds of a rank of speed 1.
struct Outcome {
  double bound = 0;
  double limit = 0;
  double makespan = 0;
  double whole_makespan = 0;
  //! Of the scheduler and the simulation around it.
  double call_seconds = 0;

  double ratio() const { return makespan / bound; }
};

Outcome run_once(const std::vector<UnitCost>& units, const std::vector<double>& speeds, int64_t run) {
  const Stream stream{"bench/schedule", run};
  const auto factor = [&](size_t unit) { return std::exp(kSigma * stream.normal(unit)); };
  double total = 0, longest = 0;
  for (size_t unit = 0; unit < units.size(); ++unit) {
    const double seconds = units[unit].seconds(0, units[unit].cell_seconds.size()) * factor(unit);
    total += seconds;
    longest = std::max(longest, seconds);
  }
  const double poured = total / std::accumulate(speeds.begin(), speeds.end(), 0.0);
  Outcome outcome{.bound = std::max(poured, longest / std::ranges::max(speeds)),
                  .limit = poured + longest / std::ranges::min(speeds)};
  const auto start = std::chrono::steady_clock::now();
  const sweep::Simulation simulation = sweep::simulate(units, speeds, true, factor);
  outcome.call_seconds = seconds_since(start) / static_cast<double>(simulation.n_asked);
  outcome.makespan = simulation.makespan;
  outcome.whole_makespan = sweep::simulate(units, speeds, false, factor).makespan;
  return outcome;
}

template <typename Figure>
std::vector<double> sorted(const std::vector<Outcome>& outcomes, Figure figure) {
  std::vector<double> values;
  for (const Outcome& outcome : outcomes) values.push_back(std::invoke(figure, outcome));
  std::ranges::sort(values);
  return values;
}

template <typename Figure>
double median(const std::vector<Outcome>& outcomes, Figure figure) {
  return sorted(outcomes, figure)[outcomes.size() / 2];
}

bool is_within(const Outcome& outcome, double units_a_rank) {
  const double most = units_a_rank >= kManyUnits ? std::min(outcome.limit, kNearBound * outcome.bound) : outcome.limit;
  return outcome.makespan <= most && outcome.whole_makespan <= outcome.limit;
}

//! Prints a line; false where a run exceeds what it may take.
bool print_case(const std::vector<UnitCost>& units, int n_ranks, bool with_slow, int n_runs) {
  const auto speeds = speeds_of(n_ranks, with_slow);
  std::vector<Outcome> outcomes;
  for (int run = 0; run < n_runs; ++run) outcomes.push_back(run_once(units, speeds, run));
  const double units_a_rank = static_cast<double>(units.size()) / n_ranks;
  const auto is_good = [&](const Outcome& outcome) { return is_within(outcome, units_a_rank); };
  const bool all_good = std::ranges::all_of(outcomes, is_good);
  const double makespan = median(outcomes, &Outcome::makespan);
  const double whole = median(outcomes, &Outcome::whole_makespan);
  const auto hours = [&](double seconds) { return seconds / 3600; };
  fmt::print(
      "{:>5} {:>7} {:>8.1f} {:>6} {:>10.1f} {:>10.1f} {:>7.3f} {:>7.3f} {:>10.1f} {:>10.1f} {:>7.1f} {:>8.2f}{}\n",
      n_ranks, units.size(), units_a_rank, std::ranges::count_if(speeds, [](double speed) { return speed < 1; }),
      hours(median(outcomes, &Outcome::bound)), hours(makespan), median(outcomes, &Outcome::ratio),
      sorted(outcomes, &Outcome::ratio).back(), hours(median(outcomes, &Outcome::limit)), hours(whole),
      100 * (1 - makespan / whole), 1e6 * median(outcomes, &Outcome::call_seconds), all_good ? "" : "  BROKEN");
  std::fflush(stdout);
  return all_good;
}

void print_header(int n_runs) {
  fmt::print("Medians of {} runs, hours of one core; worst: the largest ratio.\n\n", n_runs);
  fmt::print("{:>5} {:>7} {:>8} {:>6} {:>10} {:>10} {:>7} {:>7} {:>10} {:>10} {:>7} {:>8}\n", "", "", "units", "slow",
             "", "", "ratio", "", "worst-case", "whole", "gain %", "us");
  fmt::print("{:>5} {:>7} {:>8} {:>6} {:>10} {:>10} {:>7} {:>7} {:>10} {:>10} {:>7} {:>8}\n", "ranks", "units",
             "a rank", "ranks", "bound", "makespan", "median", "worst", "limit", "units only", "by cuts", "a call");
}

bool print_table(const Settings& settings) {
  const auto one_seed = units_of_a_seed(settings);
  print_header(settings.n_runs);
  bool all_good = true;
  for (const int n_ranks : settings.ranks) {
    size_t n_seeds_before = 0;
    for (const double units_a_rank : {0.5, 4.0, kManyUnits}) {
      const double n_units = std::ceil(units_a_rank * n_ranks);
      const auto n_seeds = static_cast<size_t>(std::ceil(n_units / static_cast<double>(one_seed.size())));
      if (n_seeds == n_seeds_before) continue;
      n_seeds_before = n_seeds;
      const auto units = repeated(one_seed, n_seeds);
      for (const bool with_slow : {false, true}) {
        all_good = print_case(units, n_ranks, with_slow, settings.n_runs) && all_good;
      }
    }
  }
  return all_good;
}

//! Cells that are units of their own: the most work for the scheduler.
bool print_many_cells(const Settings& settings) {
  const auto one_seed = units_of_a_seed(settings, 1);
  const auto n_units = static_cast<size_t>(settings.n_cells);
  std::vector<UnitCost> units = repeated(one_seed, (n_units + one_seed.size() - 1) / one_seed.size());
  units.resize(n_units);
  const int n_ranks = settings.ranks.back();
  const auto start = std::chrono::steady_clock::now();
  const sweep::Scheduler scheduler(units, n_ranks);
  fmt::print("{} units, {} ranks: the scheduler is ready after {:.2f} s\n\n", units.size(), n_ranks,
             seconds_since(start));
  print_header(1);
  return print_case(units, n_ranks, true, 1);
}

std::vector<int> numbers_of(const std::string& text) {
  std::vector<int> numbers;
  for (size_t at = 0; at < text.size(); at = text.find(',', at), at += at < text.size() ? 1 : 0) {
    numbers.push_back(std::stoi(text.substr(at)));
    if (numbers.back() < 1) throw std::invalid_argument("ranks");
  }
  return numbers;
}

Settings parse(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string key = argv[i], value = argv[i + 1];
    if (key == "--ranks") {
      settings.ranks = numbers_of(value);
    } else if (key == "--runs") {
      settings.n_runs = std::max(1, std::stoi(value));
    } else if (key == "--configs") {
      settings.configs = value;
    } else if (key == "--cells") {
      settings.n_cells = std::stoll(value);
    } else if (key == "--memory-gb") {
      settings.memory_gb = std::stod(value);
    } else {
      throw std::invalid_argument(key);
    }
  }
  if (argc % 2 == 0 || settings.ranks.empty()) throw std::invalid_argument("a value for each option");
  return settings;
}

}  // namespace
}  // namespace saesweep::bench

int main(int argc, char** argv) {
  namespace bench = saesweep::bench;
  try {
    const bench::Settings settings = bench::parse(argc, argv);
    return (settings.n_cells > 0 ? bench::print_many_cells(settings) : bench::print_table(settings)) ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr,
               "schedule: {}; schedule [--ranks N,...] [--runs N] [--configs FOLDER] [--cells N] [--memory-gb N]\n",
               error.what());
    return 2;
  }
}
