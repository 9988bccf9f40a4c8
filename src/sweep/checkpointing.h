#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/event_log.h"
#include "base/stopwatch.h"
#include "sweep/options.h"
#include "sweep/output_folders.h"
#include "sweep/unit_job.h"
#include "train/checkpoint_pace.h"

namespace saesweep::sweep {

//! [run] checkpoint_every, read. Throws ConfigError naming its place.
train::CheckpointEvery checkpoint_every_of(const SweepOptions& options);

//! A rank's saving of the SAEs that it trains, so that a stopped run goes on from there.
class Checkpointing {
 public:
  //! Views options. Throws ConfigError for a [run] checkpoint_every that cannot be read.
  Checkpointing(const SweepOptions& options, OutputFolders folders, EventLog log);

  //! Gives a job's fresh trainer and curve what the furthest whole checkpoint of its cell holds, wherever on this
  //! output it was written; leaves them as they are where there is none.
  void restore(Job& job) const;

  //! The jobs' training begins or goes on.
  void begin(std::span<Job* const> jobs);
  //! Saves the jobs where it is time. Throws StoppedError on a full disk.
  void save_if_due(std::span<Job* const> jobs);
  //! Saves them where that fits into so many seconds, by the speed of the last time; else the last checkpoint stands,
  //! and it says why, for people.
  std::string save_before_stop(std::span<Job* const> jobs, double seconds_left);
  //! The cell is trained: its checkpoints are of no more use.
  void remove(const Cell& cell) const;

 private:
  void save(std::span<Job* const> jobs);
  uint64_t bytes_of(std::span<Job* const> jobs) const;
  int64_t tokens_done(std::span<Job* const> jobs) const;

  const SweepOptions& options_;
  OutputFolders folders_;
  EventLog log_;
  train::CheckpointPace pace_;
  Stopwatch clock_;
  int64_t tokens_at_last_ = 0;
};

//! Of each cell, the steps that its furthest checkpoint in any of these folders has, by the files' names; 0 without
//! one.
std::vector<int64_t> checkpointed_steps(std::span<const std::filesystem::path> folders, std::span<const Cell> cells);

}  // namespace saesweep::sweep
