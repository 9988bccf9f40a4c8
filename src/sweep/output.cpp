#include "sweep/output.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <map>
#include <numeric>

#include "base/errors.h"
#include "base/files.h"
#include "results/carry.h"
#include "results/reader.h"
#include "results/writer.h"
#include "sweep/score_rows.h"
#include "sweep/unit_run.h"

namespace saesweep::sweep {

namespace {

uint64_t sae_bytes(const Cell& cell) {
  if (cell.is_loaded()) return 0;
  return static_cast<uint64_t>(4 * (2 * cell.n_latents * cell.d_in + cell.n_latents + cell.d_in)) + 4096;
}

//! The least shape that rows of either have their place in.
results::Shape larger(results::Shape a, const results::Shape& b) {
  for (const auto member :
       {&results::Shape::n_all_latents, &results::Shape::n_curve_points, &results::Shape::n_latents,
        &results::Shape::n_null_latents, &results::Shape::n_predictions, &results::Shape::n_examples,
        &results::Shape::n_window, &results::Shape::n_vocabularies, &results::Shape::n_tokens}) {
    a.*member = std::max(a.*member, b.*member);
  }
  return a;
}

}  // namespace

results::CellRow row_of(const Cell& cell) {
  return {.id = cell.id,
          .evaluate_id = cell.evaluate_id,
          .score_id = cell.score_id,
          .model = cell.model_name,
          .variant = model::name_of(cell.variant),
          .init_seed = cell.init_seed,
          .hookpoint = cell.hookpoint.name(),
          .layer = cell.hookpoint.layer,
          .architecture = name_of(cell.sae.architecture),
          .expansion_factor = cell.sae.expansion_factor,
          .k = cell.sae.k,
          .penalty = takes_k(cell.sae.architecture) || std::isnan(cell.sae.penalty) ? std::nullopt
                                                                                    : std::optional(cell.sae.penalty),
          .sae_seed = cell.sae_seed,
          .tokens = cell.tokens};
}

results::Shape shape_of(std::span<const Cell> cells, const SweepOptions& options) {
  results::Shape shape{.n_cells = cells.size()};
  for (const Cell& cell : cells) {
    const CurvePoints points = curve_points(cell.tokens / options.train.batch_tokens);
    shape.n_all_latents = std::max(shape.n_all_latents, static_cast<uint64_t>(cell.n_latents));
    shape.n_curve_points = std::max(shape.n_curve_points, static_cast<uint64_t>(points.n));
  }
  add_score_dimensions(shape, options.autointerp);
  return shape;
}

uint64_t output_bytes(std::span<const Cell> cells, const SweepOptions& options) {
  std::vector<results::CellRow> rows;
  uint64_t bytes = 0;
  for (const Cell& cell : cells) {
    rows.push_back(row_of(cell));
    bytes += sae_bytes(cell);
  }
  return bytes + results::file_bytes(shape_of(cells, options), rows);
}

std::filesystem::path move_aside(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder) || std::filesystem::is_empty(folder)) return {};
  const std::filesystem::path aside =
      fmt::format("{}.{:%Y%m%dT%H%M%SZ}", folder.string(), fmt::gmtime(std::time(nullptr)));
  std::error_code failed;
  std::filesystem::rename(folder, aside, failed);
  if (failed)
    throw OutputError(folder.string(), fmt::format("cannot be moved to {}: {}", aside.string(), failed.message()));
  return aside;
}

void require_sweep(const std::filesystem::path& results, const SweepOptions& options) {
  if (!std::filesystem::exists(results)) return;
  const std::string name = results::ResultsReader(results).info().sweep_name;
  if (name == options.name) return;
  throw OutputError(results.string(), fmt::format("holds the sweep '{}', expected '{}'; give another [sweep] output, "
                                                  "or --fresh to move that folder aside",
                                                  name, options.name));
}

RowPlan plan_rows(const std::filesystem::path& results, std::span<const Cell> cells, const SweepOptions& options) {
  const results::Shape shape = shape_of(cells, options);
  RowPlan plan;
  for (const Cell& cell : cells) {
    plan.places.push_back(plan.rows.size());
    plan.rows.push_back(row_of(cell));
  }
  plan.states.assign(cells.size(), results::State::kToCome);
  plan.stages.assign(cells.size(), results::Stage::kNone);
  plan.shape = shape;
  plan.has_file = std::filesystem::exists(results);
  if (!plan.has_file) return plan;
  const results::ResultsReader reader(results);
  const std::vector<results::CellStatus> found = reader.cells();
  std::map<std::string, size_t> asked;
  for (size_t i = 0; i < plan.rows.size(); ++i) asked.emplace(plan.rows[i].id, i);
  size_t n_equal = 0;
  for (size_t place = 0; place < found.size(); ++place) {
    const auto cell = asked.find(found[place].row.id);
    if (cell == asked.end()) {
      plan.rows.push_back(found[place].row);
      continue;
    }
    results::CellRow& row = plan.rows[cell->second];
    if (row.score_id.empty() && row.evaluate_id == found[place].row.evaluate_id)
      row.score_id = found[place].row.score_id;
    n_equal += row == found[place].row ? 1 : 0;
    plan.places[cell->second] = place;
    plan.stages[cell->second] = results::valid_stage(found[place], row);
    results::State& state = plan.states[cell->second];
    state = results::valid_state(found[place], row);
    const bool is_done = plan.stages[cell->second] >= last_stage(options);
    if (is_done && found[place].state != results::State::kDone) plan.unmarked.push_back(place);
    if (is_done) state = results::State::kDone;
    if (!is_done && state == results::State::kDone) state = results::State::kToCome;
  }
  plan.shape = larger(shape, reader.shape());
  plan.is_current = n_equal == cells.size() && larger(reader.shape(), shape) == reader.shape();
  plan.shape.n_cells = plan.rows.size();
  if (!plan.is_current) std::iota(plan.places.begin(), plan.places.end(), uint64_t{0});
  return plan;
}

results::Stage last_stage(const SweepOptions& options) {
  return options.autointerp.is_wanted ? results::Stage::kScored : results::Stage::kEvaluated;
}

void check_space(const std::filesystem::path& folder, uint64_t bytes) {
  const uint64_t free = free_bytes(folder);
  if (free >= bytes) return;
  throw OutputError(folder.string(), fmt::format("needs {:.1f} MB, but {:.1f} MB are free; free some space, or give "
                                                 "another [sweep] output",
                                                 static_cast<double>(bytes) / 1e6, static_cast<double>(free) / 1e6));
}

}  // namespace saesweep::sweep
