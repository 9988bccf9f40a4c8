#include "app/status_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/errors.h"
#include "base/lease.h"

namespace saesweep::app {
namespace {

using results::State;

//! More failures than these are counted, not listed.
constexpr size_t kFailuresShown = 20;

auto count(const RunState& run, State state) {
  return std::ranges::count_if(run.cells, [=](const auto& cell) { return cell.state == state; });
}

std::string failures_text(const RunState& run) {
  std::string text;
  size_t n_failed = 0;
  for (size_t i = 0; i < run.cells.size(); ++i) {
    const auto& [row, state, stage, failure] = run.cells[i];
    if (state != State::kFailed || ++n_failed > kFailuresShown) continue;
    const std::string init = row.init_seed < 0 ? "" : fmt::format(" init {}", row.init_seed);
    const std::string sparsity = row.penalty ? fmt::format("penalty {}", *row.penalty) : fmt::format("k{}", row.k);
    text +=
        fmt::format("  cell {}: {} {}{} {} {} R{} {} seed {}, {} tokens: {}\n", i, row.model, row.variant, init,
                    row.hookpoint, row.architecture, row.expansion_factor, sparsity, row.sae_seed, row.tokens, failure);
  }
  if (n_failed > kFailuresShown) text += fmt::format("  and {} more\n", n_failed - kFailuresShown);
  return text;
}

// Of the cells that give both numbers.
std::string speed_text(const RunState& run) {
  double tokens = 0;
  double seconds = 0;
  for (size_t i = 0; i < run.cells.size(); ++i) {
    if (!(run.tokens_trained[i] > 0 && run.train_seconds[i] > 0)) continue;
    tokens += run.tokens_trained[i];
    seconds += run.train_seconds[i];
  }
  return seconds > 0 ? fmt::format("{:.0f} training tokens/s a rank\n", tokens / seconds) : "";
}

}  // namespace

std::string status_text(const RunState& run) {
  const bool is_running = !run.holder.empty();
  return fmt::format("Sweep {}: {} of {} cells done, {} {}, {} failed, {} to come\n{}{}{}{}", run.sweep_name,
                     count(run, State::kDone), run.cells.size(), count(run, State::kStarted),
                     is_running ? "running" : "begun and left", count(run, State::kFailed), count(run, State::kToCome),
                     is_running ? "Running: " + run.holder + "\n" : "Not running\n", speed_text(run),
                     count(run, State::kFailed) > 0 ? "Failed:\n" : "", failures_text(run));
}

std::filesystem::path results_file(const std::filesystem::path& output) {
  const auto file = std::filesystem::is_directory(output) ? output / "results.h5" : output;
  if (std::filesystem::is_regular_file(file)) return file;
  throw OutputError(output.string(), file == output ? "no such file or folder; expected an output folder or results.h5"
                                                    : "found no results.h5 in this folder; no run has started there");
}

RunState read_run(const std::filesystem::path& results) {
  const results::ResultsReader reader(results);
  return {.results = results,
          .sweep_name = reader.info().sweep_name,
          .cells = reader.cells(),
          .tokens_trained = reader.numbers("/cells/tokens_trained"),
          .train_seconds = reader.numbers("/cells/train_seconds"),
          .holder = lease_holder(std::filesystem::absolute(results).parent_path())};
}

}  // namespace saesweep::app
