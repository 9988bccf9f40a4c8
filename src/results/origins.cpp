#include "results/origins.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace saesweep::results {

namespace {

// A stage of an older file counts where its columns are whole there and its id is the same.
Stage stage_of_equal_ids(const CellRow& found, const CellRow& asked) {
  if (found.id != asked.id) return Stage::kNone;
  if (found.evaluate_id != asked.evaluate_id) return Stage::kTrained;
  return found.score_id != asked.score_id ? Stage::kEvaluated : Stage::kScored;
}

// Whether the cell would fail again: the settings of the stage that it failed in are the same.
bool stays_failed(const CellStatus& found, const CellRow& asked) {
  return found.state == State::kFailed && found.stage < stage_of_equal_ids(found.row, asked);
}

auto worth(const Origin& origin) {
  const int settled = origin.state == State::kDone ? 2 : origin.state == State::kFailed ? 1 : 0;
  return std::tuple(origin.stage, settled);
}

}  // namespace

Stage valid_stage(const CellStatus& found, const CellRow& asked) {
  return std::min(found.stage, stage_of_equal_ids(found.row, asked));
}

Origins::Origins(std::vector<std::vector<CellStatus>> files, Stage last_stage)
    : files_(std::move(files)), last_stage_(last_stage) {
  for (size_t file = 0; file < files_.size(); ++file) {
    for (uint64_t row = 0; row < files_[file].size(); ++row) {
      places_[files_[file][row].row.id].push_back({file, row});
    }
  }
}

Origin Origins::judge(const Place& place, const CellRow& asked) const {
  const CellStatus& found = files_[place.file][place.row];
  const Stage stage = valid_stage(found, asked);
  // A whole row of a cell that the sweep has no more is as done as it was.
  const bool was_done = found.state == State::kDone && found.row == asked;
  const bool is_done = was_done || stage >= last_stage_;
  const State state = is_done ? State::kDone : stays_failed(found, asked) ? State::kFailed : State::kToCome;
  return {place.file, place.row, stage, state};
}

std::optional<Origin> Origins::find(const CellRow& asked) const {
  const auto places = places_.find(asked.id);
  if (places == places_.end()) return std::nullopt;
  std::optional<Origin> best;
  for (const Place& place : places->second) {
    const Origin one = judge(place, asked);
    if (!best || worth(one) > worth(*best)) best = one;
  }
  return best;
}

CellRow Origins::with_kept_scores(const CellRow& asked) const {
  CellRow row = asked;
  const auto places = places_.find(asked.id);
  if (!asked.score_id.empty() || places == places_.end()) return row;
  std::optional<Stage> furthest;
  for (const auto& [file, number] : places->second) {
    const CellStatus& found = files_[file][number];
    if (found.row.evaluate_id != asked.evaluate_id || (furthest && found.stage <= *furthest)) continue;
    furthest = found.stage;
    row.score_id = found.row.score_id;
  }
  return row;
}

}  // namespace saesweep::results
