#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/run_logs.h"
#include "results/cell_row.h"
#include "results/schema.h"

namespace saesweep::app {

//! A job's part of an output: all of the sweep's cells, or a shard of them.
struct JobStatus {
  std::filesystem::path folder = {};
  //! "2/8"; "" for a whole run.
  std::string shard = {};
  //! Who writes it now; "" where no one does.
  std::string holder = {};
  bool has_results = false;
  //! What its latest run says.
  std::vector<RankLog> ranks = {};

  bool is_running() const { return !holder.empty(); }
  //! A file that no run has written to.
  bool is_merged() const { return shard.empty() && has_results && ranks.empty(); }
};

//! How far a cell is, by the file in which it is furthest. Times are NaN where the stage was not reached.
struct CellProgress {
  results::CellRow row = {};
  results::State state = results::State::kToCome;
  results::Stage stage = results::Stage::kNone;
  std::string failure = {};
  //! Of SweepStatus::jobs, the one that has the cell; nothing where its job has not begun.
  std::optional<size_t> job = {};
  //! Among the cells that a rank of a running job trains, evaluates or harvests; of a toy sweep that runs, those begun.
  bool is_at_work = false;
  double tokens_trained = kUnknown;
  double train_seconds = kUnknown;
  double evaluate_seconds = kUnknown;
  double harvest_seconds = kUnknown;
  //! As the grid of the sweep has it; "" where the file has no grid.
  std::string settings = {};

  //! Its settings in one line.
  std::string text() const;
};

//! What the results files and logs of a sweep's output say.
struct SweepStatus {
  std::filesystem::path output = {};
  //! "" before any file of results is there.
  std::string sweep_name = {};
  //! Of the results: "sweep", or "toy", whose tokens are samples and whose ranks write no logs.
  std::string kind = "sweep";
  //! Running ones first.
  std::vector<JobStatus> jobs = {};
  //! Each cell of the sweep once, by train id.
  std::vector<CellProgress> cells = {};
  //! Rows of cells that the sweep has no more.
  size_t n_left_out = 0;
  //! Files that cannot be read, with the reason.
  std::vector<std::string> problems = {};
  //! When it was read: seconds since 1970, UTC.
  double now = kUnknown;

  bool is_running() const;
  bool is_toy() const { return kind == "toy"; }
};

//! Reads an output folder with all its shards, the folder of one shard, or a file of results (results.h5 stands for
//! its folder); also while jobs write them. Throws OutputError where none is there, or none that can be read.
SweepStatus read_status(const std::filesystem::path& output);

}  // namespace saesweep::app
