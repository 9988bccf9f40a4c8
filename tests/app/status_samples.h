#pragma once

#include <string>
#include <vector>

#include "app/sweep_status.h"

namespace saesweep::app {

inline constexpr double kNow = 1'000'000;

//! A cell of 1,000 tokens; of a scored sweep. What its stages took follows from the stage: 2 s of training, 1 s of
//! evaluation, 3 s of harvest.
inline CellProgress cell_of(const std::string& id, results::State state, results::Stage stage) {
  using results::Stage;
  CellProgress cell;
  cell.row.id = id;
  cell.row.score_id = "judge";
  cell.row.model = "tiny";
  cell.row.variant = "trained";
  cell.row.hookpoint = "layers.3";
  cell.row.tokens = 1000;
  cell.state = state;
  cell.stage = stage;
  cell.job = 0;
  if (state == results::State::kFailed) cell.failure = "the loss is not finite";
  if (stage >= Stage::kTrained) cell.tokens_trained = 1000;
  if (stage >= Stage::kTrained) cell.train_seconds = 2;
  if (stage >= Stage::kEvaluated) cell.evaluate_seconds = 1;
  if (stage >= Stage::kHarvested) cell.harvest_seconds = 3;
  return cell;
}

//! A rank at the unit of these cells, step 50 of 100, with 100 training tokens a second; the first one's log, a second
//! ago, said that 30 s are left.
inline RankLog rank_at(int rank, const std::vector<std::string>& cells) {
  RankLog log;
  log.rank = rank;
  log.run = "r";
  log.n_ranks = 2;
  log.machine = "n1, a processor";
  log.started = 0;
  log.last_event = "progress";
  log.last_seconds = 110;
  log.last_time = kNow - 1;
  log.work = {{10, 0, 0, 0}, {110, 10'000, 500, 0}};
  log.at_work = LoggedUnit{cells, cells.size(), 10, 100, 50};
  log.step = 50;
  log.n_steps = 100;
  if (rank == 0) log.seconds_left = 30;
  log.seconds_left_time = log.last_time;
  return log;
}

inline SweepStatus status_of(std::vector<CellProgress> cells, std::vector<RankLog> ranks, const std::string& holder) {
  SweepStatus status;
  status.sweep_name = "small";
  status.now = kNow;
  status.cells = std::move(cells);
  JobStatus job;
  job.folder = "out";
  job.holder = holder;
  job.has_results = true;
  job.ranks = std::move(ranks);
  status.jobs = {job};
  return status;
}

}  // namespace saesweep::app
