#include "results/merge.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/errors.h"
#include "results/agree.h"
#include "results/origins.h"
#include "results/reader.h"
#include "results/writer.h"

namespace saesweep::results {

namespace {

//! All that the files say, but for their columns.
struct Inputs {
  std::vector<std::filesystem::path> files;
  RootInfo info;
  std::vector<GridEntry> grid;
  Shape shape;
  std::vector<Vocabulary> vocabularies;
  std::vector<std::vector<CellStatus>> cells;
};

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& problem) {
  throw OutputError(path.string(), problem + "; only shards of one sweep can be merged");
}

//! Where two grids part.
void require_same_grid(const std::filesystem::path& path, const std::vector<GridEntry>& found,
                       const std::filesystem::path& first, const std::vector<GridEntry>& expected) {
  const auto [a, b] = std::ranges::mismatch(found, expected);
  if (a == found.end() && b == expected.end()) return;
  const auto text = [](auto place, const auto& grid) {
    return place == grid.end() ? std::string("no cell") : place->settings + " (" + place->id + ")";
  };
  const bool is_later = a != found.end() && b != expected.end() && a->id == b->id;
  refuse(path, fmt::format("holds cells of another sweep than {}: cell {} is {}, expected {}{}", first.string(),
                           a - found.begin(), text(a, found), text(b, expected),
                           is_later ? ", with other settings of evaluation or scores" : ""));
}

void take_shape(Shape& shape, const Shape& other) {
  for (const auto member : {&Shape::n_all_latents, &Shape::n_curve_points, &Shape::n_latents, &Shape::n_null_latents,
                            &Shape::n_predictions, &Shape::n_examples, &Shape::n_window, &Shape::n_tokens}) {
    shape.*member = std::max(shape.*member, other.*member);
  }
}

void take_vocabularies(Inputs& inputs, const ResultsReader& reader) {
  for (Vocabulary& one : reader.vocabularies()) {
    if (std::ranges::find(inputs.vocabularies, one) == inputs.vocabularies.end())
      inputs.vocabularies.push_back(std::move(one));
  }
}

void read(Inputs& inputs, const std::filesystem::path& path, bool is_merged_before) {
  const ResultsReader reader(path);
  const RootInfo info = reader.info();
  if (inputs.files.empty()) {
    inputs.info = info;
    inputs.grid = reader.grid();
  } else if (info.sweep_name != inputs.info.sweep_name) {
    refuse(path, fmt::format("holds the sweep '{}', expected '{}', which {} holds", info.sweep_name,
                             inputs.info.sweep_name, inputs.files.front().string()));
  } else if (!is_merged_before) {
    require_same_grid(path, reader.grid(), inputs.files.front(), inputs.grid);
  }
  take_shape(inputs.shape, reader.shape());
  take_vocabularies(inputs, reader);
  inputs.cells.push_back(reader.cells());
  inputs.files.push_back(path);
}

Inputs read_all(const std::filesystem::path& merged, std::span<const std::filesystem::path> paths) {
  Inputs inputs;
  std::set<std::filesystem::path> seen;
  std::error_code missing;
  for (const std::filesystem::path& path : paths) {
    const auto file = std::filesystem::weakly_canonical(path, missing);
    if (seen.insert(file).second && file != std::filesystem::weakly_canonical(merged, missing))
      read(inputs, path, false);
  }
  if (std::filesystem::exists(merged)) read(inputs, merged, true);
  inputs.info.shard = "";
  inputs.info.created = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  return inputs;
}

Stage last_stage_of(const std::vector<GridEntry>& grid) {
  const bool is_scored = std::ranges::any_of(grid, [](const GridEntry& cell) { return !cell.score_id.empty(); });
  return is_scored ? Stage::kScored : Stage::kEvaluated;
}

//! A row for each cell of the grid that any file has, under the grid's ids; then older rows of the merged file.
std::vector<CellRow> rows_of(const Inputs& inputs) {
  std::unordered_map<std::string_view, const CellRow*> known;
  for (const auto& cells : inputs.cells) {
    for (const CellStatus& cell : cells) known.emplace(cell.row.id, &cell.row);
  }
  std::vector<CellRow> rows;
  std::set<std::string_view> in_grid;
  for (const GridEntry& cell : inputs.grid) {
    in_grid.insert(cell.id);
    const auto found = known.find(cell.id);
    if (found == known.end()) continue;
    rows.push_back(*found->second);
    rows.back().evaluate_id = cell.evaluate_id;
    rows.back().score_id = cell.score_id;
  }
  for (const auto& cells : inputs.cells) {
    for (const CellStatus& cell : cells) {
      if (in_grid.insert(cell.row.id).second) rows.push_back(cell.row);
    }
  }
  return rows;
}

MergeSummary summary_of(const Inputs& inputs, std::span<const CellRow> rows, const Origins& origins) {
  MergeSummary summary{.n_cells = static_cast<int64_t>(inputs.grid.size())};
  std::unordered_map<std::string_view, const CellRow*> by_id;
  for (const CellRow& row : rows) by_id.emplace(row.id, &row);
  for (const GridEntry& cell : inputs.grid) {
    const auto row = by_id.find(cell.id);
    const std::optional<Origin> origin = row == by_id.end() ? std::nullopt : origins.find(*row->second);
    const State state = origin ? origin->state : State::kToCome;
    if (state == State::kDone) ++summary.n_done;
    if (state == State::kFailed) summary.failed.push_back(cell.settings + ": " + origins.at(*origin).failure);
    if (state == State::kToCome) summary.missing.push_back(cell.settings);
  }
  return summary;
}

}  // namespace

MergeSummary merge_results(const std::filesystem::path& merged, std::span<const std::filesystem::path> paths,
                           const mpi::Comm& comm) {
  Inputs inputs;
  agree(comm, [&] { inputs = read_all(merged, paths); });
  const Stage last_stage = last_stage_of(inputs.grid);
  std::vector<CellRow> rows = rows_of(inputs);
  const Origins origins(std::move(inputs.cells), last_stage);
  for (CellRow& row : rows) row = origins.with_kept_scores(row);
  Shape shape = inputs.shape;
  shape.n_cells = rows.size();
  shape.n_grid = inputs.grid.size();
  shape.n_vocabularies = inputs.vocabularies.size();
  const MergeSummary summary = summary_of(inputs, rows, origins);
  ResultsWriter::recreate(merged, comm, shape, rows, inputs.info, last_stage, inputs.vocabularies, inputs.grid,
                          inputs.files)
      .close();
  return summary;
}

}  // namespace saesweep::results
