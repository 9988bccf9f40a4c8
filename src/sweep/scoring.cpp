#include "sweep/scoring.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "autointerp/cell_scoring.h"
#include "autointerp/harvest_file.h"
#include "base/json.h"
#include "judge/make_judge.h"
#include "sweep/score_rows.h"

namespace saesweep::sweep {

namespace {

constexpr auto kPause = std::chrono::milliseconds(20);
//! Cells that may wait for a rank's judge: each is some megabytes on disk.
constexpr size_t kMostOpen = 256;

std::string name_of(const judge::JudgeOptions& options) {
  return options.kind == "lexical" ? options.kind : fmt::format("{} {}", options.kind, options.model);
}

autointerp::JudgeAbilities abilities_of(const judge::JudgeOptions& options) {
  return {.logprobs = options.logprobs, .prompt_logprobs = options.prompt_logprobs != "none"};
}

//! Replies lie in the job's folder, or that of the same name in cache_dir; those of other jobs are used, too.
judge::JudgePlace place_of(const SweepOptions& options, const OutputFolders& folders, const mpi::Comm& comm) {
  const std::filesystem::path given = options.judge.cache_dir;
  const OutputFolders places = given.empty() ? folders : folders.moved_to(given);
  const std::filesystem::path within = given.empty() ? "judge" : "";
  judge::JudgePlace place{.cache_folder = places.own() / within,
                          .other_cache_folders = {},
                          .rank = comm.rank(),
                          .n_ranks = comm.size(),
                          .log = Log::to_stderr()};
  for (const std::filesystem::path& other : places.others()) place.other_cache_folders.push_back(other / within);
  return place;
}

}  // namespace

std::string token_bytes(const text::Tokenizer& tokenizer, uint32_t id) {
  try {
    return tokenizer.decode({&id, 1});
  } catch (const TextError&) {
    return fmt::format("[{}]", id);
  }
}

Scoring::Scoring(const SweepOptions& options, const OutputFolders& folders, const mpi::Comm& comm,
                 results::ResultsWriter& results, const std::map<std::string, text::Tokenizer>& tokenizers,
                 EventLog log)
    : options_(options),
      comm_(comm),
      results_(results),
      tokenizers_(tokenizers),
      judge_name_(name_of(options.judge)),
      log_(std::move(log)) {
  auto judge = judge::make_judge(options.judge, place_of(options, folders, comm));
  judge_ = judge.get();
  queue_ = std::make_unique<ScoringQueue>(std::move(judge));
}

void Scoring::add(uint64_t row, const std::string& cell_id, const std::string& tokenizer_hash,
                  const std::filesystem::path& harvest) {
  if (!stopped_.empty()) return;
  cell_ids_[row] = cell_id;
  queue_->submit(row, [this, harvest, tokenizer = tokenizers_.at(tokenizer_hash)] {
    std::optional<autointerp::StoredHarvest> stored = autointerp::read_harvest(harvest);
    if (!stored) throw SystemError(fmt::format("{}: damaged since it was written; start again", harvest.string()));
    return std::make_unique<autointerp::CellScoring>(std::move(stored->latents), options_.autointerp,
                                                     abilities_of(options_.judge),
                                                     [tokenizer](uint32_t id) { return token_bytes(tokenizer, id); });
  });
}

bool Scoring::is_behind() const {
  return stopped_.empty() && !queue_->lost() && queue_->n_open() >= kMostOpen;
}

Json Scoring::usage() const {
  const judge::JudgeUsage usage = judge_->usage();
  return {{"open_cells", queue_->n_open()},
          {"answered", queue_->n_answered()},
          {"cached", usage.n_from_cache},
          {"sent", usage.n_sent},
          {"failed", usage.n_unusable + usage.n_transport_faults},
          {"in_flight", usage.n_in_flight},
          {"is_paused", usage.is_paused}};
}

void Scoring::write_finished(const Report& report) {
  for (const ScoredCell& cell : queue_->finished()) write(cell, report);
  const int64_t n_answered = queue_->n_answered();
  if (n_answered > n_told_) report({.judged_requests = n_answered - std::exchange(n_told_, n_answered)});
  if (!stopped_.empty() || !queue_->lost()) return;
  try {
    std::rethrow_exception(queue_->lost());
  } catch (const Error& error) {
    note_loss(error.what(), error.exit_code(), report);
  }
}

void Scoring::write(const ScoredCell& cell, const Report& report) {
  if (const std::string task = cell.scoring->unanswered_task(); !task.empty()) {
    note_loss(fmt::format("the judge ({}) gave no usable reply to any request for {} about a cell, the last time: {}; "
                          "mend it and start again",
                          judge_name_, task, cell.scoring->last_fault()),
              ExitCode::kStopped, report);
    return;
  }
  write_score_columns(results_, cell.row, *cell.scoring, options_.autointerp);
  results_.write(cell.row, "judge", judge_name_);
  results_.write(cell.row, "judge_seconds", cell.seconds);
  results_.set_stage(cell.row, results::Stage::kScored);
  results_.set_state(cell.row, results::State::kDone);
  log_.write("stage", {{"cell", cell_ids_[cell.row]}, {"stage", "scored"}, {"seconds", cell.seconds}});
  log_.write("done", {{"cell", cell_ids_[cell.row]}});
  report({.cells_done = 1});
}

void Scoring::note_loss(const std::string& reason, ExitCode code, const Report& report) {
  if (!stopped_.empty()) return;
  stopped_ = reason;
  stopped_code_ = code;
  log_.write("judge_lost", {{"reason", reason}});
  report({.note = fmt::format("rank {}: judging stopped, the rest goes on: {}", comm_.rank(), reason)});
}

void Scoring::finish(const Report& report, const std::function<bool()>& is_stopped) {
  for (;;) {
    write_finished(report);
    if (queue_->n_open() == 0 || queue_->lost() || is_stopped()) break;
    std::this_thread::sleep_for(kPause);
  }
  write_finished(report);
}

std::pair<std::string, ExitCode> Scoring::stopped() const {
  const std::string mine =
      Json{static_cast<int>(stopped_code_), stopped_}.dump(-1, ' ', false, Json::error_handler_t::replace);
  for (const std::string& text : comm_.all_gather(mine)) {
    const Json one = Json::parse(text);
    const auto why = one[1].get<std::string>();
    if (!why.empty()) return {why, static_cast<ExitCode>(one[0].get<int>())};
  }
  return {"", ExitCode::kDone};
}

}  // namespace saesweep::sweep
