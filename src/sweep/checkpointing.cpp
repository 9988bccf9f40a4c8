#include "sweep/checkpointing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "base/errors.h"
#include "train/checkpoint.h"

namespace saesweep::sweep {

namespace {

train::Checkpoint checkpoint_of(const Job& job, const SweepOptions& options) {
  train::Checkpoint checkpoint{.cell_id = job.cell->id, .trainer = job.trainer->state(), .more = {}};
  const int64_t token = checkpoint.trainer.steps_done * options.train.batch_tokens;
  const int64_t block = options.train.buffer_tokens;
  checkpoint.more = {{"cell", describe(*job.cell)},
                     {"train_seconds", job.train_seconds},
                     {"curve", job.curve.to_json()},
                     // These follow from the step; they are here to be read.
                     {"next_token", token},
                     {"next_row", token / options.text.context_length},
                     {"buffer_block", block > 0 ? token / block : -1},
                     {"buffer_offset", block > 0 ? token % block : -1}};
  return checkpoint;
}

void warn(const std::string& problem) {
  fmt::print(stderr, "saesweep: {}; the one before it is taken, or the cell trained anew\n", problem);
}

}  // namespace

train::CheckpointEvery checkpoint_every_of(const SweepOptions& options) {
  try {
    return train::parse_checkpoint_every(options.run.checkpoint_every);
  } catch (const InputError& error) {
    throw ConfigError(options.place_of("run.checkpoint_every") + ": run.checkpoint_every", error.what());
  }
}

Checkpointing::Checkpointing(const SweepOptions& options, OutputFolders folders, EventLog log)
    : options_(options), folders_(std::move(folders)), log_(std::move(log)), pace_(checkpoint_every_of(options)) {}

void Checkpointing::restore(Job& job) const {
  std::vector<std::filesystem::path> places{folders_.checkpoints()};
  for (const std::filesystem::path& other : folders_.others()) places.push_back(other / "checkpoints");
  const std::optional<train::Checkpoint> found = train::read_checkpoint(places, job.cell->id, warn);
  if (!found) return;
  Curve curve = Curve::from_json(found->more.value("curve", Json::object()));
  job.trainer->restore(found->trainer);
  job.curve = std::move(curve);
  job.train_seconds = found->more.value("train_seconds", 0.0);
  log_.write("resumed", {{"cell", job.cell->id}, {"step", found->trainer.steps_done}});
}

void Checkpointing::begin(std::span<Job* const> jobs) {
  tokens_at_last_ = tokens_done(jobs);
  pace_.begin(bytes_of(jobs), clock_.seconds());
}

void Checkpointing::save_if_due(std::span<Job* const> jobs) {
  if (pace_.is_due(tokens_done(jobs) - tokens_at_last_, clock_.seconds())) save(jobs);
}

std::string Checkpointing::save_before_stop(std::span<Job* const> jobs, double seconds_left) {
  const int64_t n_unsaved = tokens_done(jobs) - tokens_at_last_;
  if (n_unsaved == 0) return "";
  const uint64_t bytes = bytes_of(jobs);
  const double needed = pace_.seconds_for(bytes);
  if (needed <= seconds_left) {
    save(jobs);
    return "";
  }
  log_.write("checkpoint_skipped", {{"bytes", bytes}, {"needed_seconds", needed}, {"seconds_left", seconds_left}});
  return fmt::format(
      "not saved, since that takes about {:.1f} s and {:.1f} s are left: {} tokens of training of {} SAEs "
      "are lost (SIGUSR1 to mpirun leaves [run] grace; Ctrl-C and SIGTERM leave what "
      "--mca odls_base_sigkill_timeout says, 1 s)",
      needed, std::max(0.0, seconds_left), n_unsaved, jobs.size());
}

void Checkpointing::save(std::span<Job* const> jobs) {
  Stopwatch watch;
  uint64_t bytes = 0;
  int64_t n_saved = 0;
  for (const Job* job : jobs) {
    if (!job->trains()) continue;
    bytes += train::write_checkpoint(folders_.checkpoints(), checkpoint_of(*job, options_));
    ++n_saved;
  }
  const double seconds = watch.lap();
  pace_.wrote(bytes, seconds, clock_.seconds());
  tokens_at_last_ = tokens_done(jobs);
  log_.write("checkpoint", {{"cells", n_saved},
                            {"step", tokens_at_last_ / options_.train.batch_tokens},
                            {"bytes", bytes},
                            {"seconds", seconds}});
}

void Checkpointing::remove(const Cell& cell) const {
  train::remove_checkpoints(folders_.checkpoints(), cell.id);
  for (const std::filesystem::path& other : folders_.others()) {
    train::remove_checkpoints(other / "checkpoints", cell.id);
  }
}

uint64_t Checkpointing::bytes_of(std::span<Job* const> jobs) const {
  uint64_t bytes = 0;
  for (const Job* job : jobs) {
    if (!job->trains()) continue;
    bytes += train::checkpoint_bytes(job->cell->d_in, job->cell->n_latents, job->cell->sae, options_.train);
  }
  return bytes;
}

//! Of the SAE that is behind all others: what it would lose.
int64_t Checkpointing::tokens_done(std::span<Job* const> jobs) const {
  std::optional<int64_t> least;
  for (const Job* job : jobs) {
    if (job->trains()) least = std::min(least.value_or(job->trainer->steps_done()), job->trainer->steps_done());
  }
  return least.value_or(0) * options_.train.batch_tokens;
}

std::vector<int64_t> checkpointed_steps(std::span<const std::filesystem::path> folders, std::span<const Cell> cells) {
  std::vector<int64_t> steps;
  steps.reserve(cells.size());
  for (const Cell& cell : cells) steps.push_back(train::checkpointed_steps(folders, cell.id));
  return steps;
}

}  // namespace saesweep::sweep
