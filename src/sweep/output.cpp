#include "sweep/output.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/errors.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/json.h"
#include "results/origins.h"
#include "results/reader.h"
#include "results/writer.h"
#include "sweep/agreement.h"
#include "sweep/score_rows.h"
#include "sweep/unit_run.h"

namespace saesweep::sweep {

namespace {

constexpr int kMostPlans = 60;
constexpr auto kPlanPause = std::chrono::milliseconds(500);

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

//! Differs where ranks would not do the same.
std::string hash_of(const RowPlan& plan) {
  Json all = {plan.is_current, plan.states, plan.stages, plan.places, plan.unmarked, Json::array()};
  for (const std::filesystem::path& source : plan.sources) all.back().push_back(source.string());
  for (const results::CellRow& row : plan.rows) all.push_back({row.id, row.evaluate_id, row.score_id});
  return hex(sha256(all.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

//! Of other jobs on the output.
std::vector<std::filesystem::path> results_of(const OutputFolders& folders) {
  std::vector<std::filesystem::path> paths;
  for (const std::filesystem::path& folder : folders.others()) {
    if (std::filesystem::exists(folder / "results.h5")) paths.push_back(folder / "results.h5");
  }
  return paths;
}

//! What the results files of an output hold.
struct Sources {
  //! The job's own file is the first.
  bool has_own = false;
  results::Shape own_shape = {};
  std::vector<results::GridEntry> own_grid = {};
  std::vector<std::vector<results::CellStatus>> cells = {};
};

void add_source(Sources& sources, RowPlan& plan, const results::ResultsReader& reader,
                const std::filesystem::path& path) {
  sources.cells.push_back(reader.cells());
  plan.sources.push_back(path);
  plan.shape = larger(plan.shape, reader.shape());
}

bool has_any(const results::ResultsReader& reader, const std::set<std::string>& ids) {
  return std::ranges::any_of(reader.texts("/cells/id"), [&](const std::string& id) { return ids.contains(id); });
}

//! Of other jobs' files those that hold rows of these cells. One that cannot be read is no reason to stop.
Sources read_sources(const std::filesystem::path& own, std::span<const std::filesystem::path> others, RowPlan& plan,
                     const SweepOptions& options) {
  Sources sources{.has_own = std::filesystem::exists(own)};
  if (sources.has_own) {
    const results::ResultsReader reader(own);
    sources.own_shape = reader.shape();
    sources.own_grid = reader.grid();
    add_source(sources, plan, reader, own);
  }
  std::set<std::string> ids;
  for (const results::CellRow& row : plan.rows) ids.insert(row.id);
  for (const std::filesystem::path& path : others) {
    try {
      const results::ResultsReader reader(path);
      if (reader.info().sweep_name == options.name && has_any(reader, ids)) add_source(sources, plan, reader, path);
    } catch (const Error& error) {
      plan.warnings.push_back(fmt::format("{}; nothing is taken from it", error.what()));
    }
  }
  return sources;
}

//! Rows of the job's file that the sweep has no more.
void add_older_rows(RowPlan& plan, std::span<const results::CellStatus> own) {
  std::set<std::string_view> ids;
  for (const results::CellRow& row : plan.rows) ids.insert(row.id);
  std::vector<results::CellRow> older;
  for (const results::CellStatus& cell : own) {
    if (!ids.contains(cell.row.id)) older.push_back(cell.row);
  }
  plan.rows.insert(plan.rows.end(), older.begin(), older.end());
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
  // A file's texts are as long as the longest of each column: one row stands for all, which may be a million.
  results::CellRow longest;
  uint64_t bytes = 0;
  for (const Cell& cell : cells) {
    const results::CellRow row = row_of(cell);
    for (const auto& [path, member] : results::text_columns()) {
      if ((row.*member).size() > (longest.*member).size()) longest.*member = row.*member;
    }
    bytes += sae_bytes(cell);
  }
  return bytes + results::file_bytes(shape_of(cells, options), {&longest, 1});
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

void require_sweep(const std::filesystem::path& results, const std::string& name, const std::string& kind) {
  if (!std::filesystem::exists(results)) return;
  const results::RootInfo found = results::ResultsReader(results).info();
  if (found.sweep_name == name && found.kind == kind) return;
  const auto called = [](const std::string& one, const std::string& of_kind) {
    return fmt::format("the {} '{}'", of_kind == "toy" ? "toy sweep" : "sweep", one);
  };
  throw OutputError(results.string(), fmt::format("holds {}, expected {}; give another [sweep] output, or --fresh to "
                                                  "move that folder aside",
                                                  called(found.sweep_name, found.kind), called(name, kind)));
}

std::vector<results::GridEntry> grid_of(std::span<const Cell> cells) {
  std::vector<results::GridEntry> grid;
  grid.reserve(cells.size());
  for (const Cell& cell : cells) grid.push_back({cell.id, cell.evaluate_id, cell.score_id, describe(cell)});
  return grid;
}

RowPlan plan_rows(const std::filesystem::path& results, std::span<const std::filesystem::path> others,
                  std::span<const Cell> cells, const SweepOptions& options, std::span<const results::GridEntry> grid) {
  RowPlan plan;
  for (const Cell& cell : cells) plan.rows.push_back(row_of(cell));
  plan.states.assign(cells.size(), results::State::kToCome);
  plan.stages.assign(cells.size(), results::Stage::kNone);
  plan.places.resize(cells.size());
  plan.shape = shape_of(cells, options);
  const results::Shape wanted = plan.shape;
  Sources sources = read_sources(results, others, plan, options);
  plan.has_file = sources.has_own;
  const results::Origins origins(std::move(sources.cells), last_stage(options));
  bool is_current = plan.has_file && std::ranges::equal(sources.own_grid, grid) &&
                    larger(sources.own_shape, wanted) == sources.own_shape;
  for (size_t i = 0; i < cells.size(); ++i) {
    plan.rows[i] = origins.with_kept_scores(plan.rows[i]);
    const std::optional<results::Origin> origin = origins.find(plan.rows[i]);
    is_current = is_current && origin && origin->file == 0;
    if (!origin) continue;
    const results::CellStatus& found = origins.at(*origin);
    plan.states[i] = origin->state;
    plan.stages[i] = origin->stage;
    plan.places[i] = origin->row;
    is_current = is_current && plan.rows[i] == found.row;
    const bool is_unmarked = origin->state == results::State::kDone && found.state != results::State::kDone;
    if (is_unmarked && plan.has_file && origin->file == 0) plan.unmarked.push_back(origin->row);
  }
  if (sources.has_own) add_older_rows(plan, origins.files().front());
  plan.is_current = is_current;
  plan.shape.n_cells = plan.rows.size();
  plan.shape.n_grid = grid.size();
  if (!plan.is_current) std::iota(plan.places.begin(), plan.places.end(), uint64_t{0});
  return plan;
}

RowPlan plan_rows_alike(const OutputFolders& folders, std::span<const Cell> cells, const SweepOptions& options,
                        std::span<const results::GridEntry> grid, const mpi::Comm& comm) {
  for (int n = 1;; ++n) {
    RowPlan plan;
    on_all(comm, [&](int64_t&) { plan = plan_rows(folders.results(), results_of(folders), cells, options, grid); });
    const std::vector<std::string> hashes = comm.all_gather(hash_of(plan));
    if (std::ranges::count(hashes, hashes.front()) == std::ssize(hashes)) return plan;
    if (n == kMostPlans) {
      throw StoppedError(
          fmt::format("{}: the ranks see other results files than each other; start again when the other "
                      "jobs on this output have started, or when the file system has settled",
                      folders.root().string()));
    }
    std::this_thread::sleep_for(kPlanPause);
  }
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
