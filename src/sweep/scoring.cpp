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

std::string name_of(const judge::JudgeOptions& options) {
  return options.kind == "lexical" ? options.kind : fmt::format("{} {}", options.kind, options.model);
}

autointerp::JudgeAbilities abilities_of(const judge::JudgeOptions& options) {
  return {.logprobs = options.logprobs, .prompt_logprobs = options.prompt_logprobs != "none"};
}

}  // namespace

std::string token_bytes(const text::Tokenizer& tokenizer, uint32_t id) {
  try {
    return tokenizer.decode({&id, 1});
  } catch (const TextError&) {
    return fmt::format("[{}]", id);
  }
}

Scoring::Scoring(const SweepOptions& options, const mpi::Comm& comm, results::ResultsWriter& results,
                 const std::map<std::string, text::Tokenizer>& tokenizers)
    : options_(options), comm_(comm), results_(results), tokenizers_(tokenizers), judge_name_(name_of(options.judge)) {
  const std::filesystem::path folder =
      options.judge.cache_dir.empty() ? options.output / "judge" : std::filesystem::path(options.judge.cache_dir);
  queue_ = std::make_unique<ScoringQueue>(judge::make_judge(options.judge, {.cache_folder = folder,
                                                                            .other_cache_folders = {},
                                                                            .rank = comm.rank(),
                                                                            .n_ranks = comm.size(),
                                                                            .log = Log::to_stderr()}));
}

void Scoring::add(uint64_t row, const std::string& tokenizer_hash, const std::filesystem::path& harvest) {
  if (!stopped_.empty()) return;
  queue_->submit(row, [this, harvest, tokenizer = tokenizers_.at(tokenizer_hash)] {
    std::optional<autointerp::StoredHarvest> stored = autointerp::read_harvest(harvest);
    if (!stored) throw SystemError(fmt::format("{}: damaged since it was written; start again", harvest.string()));
    return std::make_unique<autointerp::CellScoring>(std::move(stored->latents), options_.autointerp,
                                                     abilities_of(options_.judge),
                                                     [tokenizer](uint32_t id) { return token_bytes(tokenizer, id); });
  });
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
  report({.cells_done = 1});
}

void Scoring::note_loss(const std::string& reason, ExitCode code, const Report& report) {
  if (!stopped_.empty()) return;
  stopped_ = reason;
  stopped_code_ = code;
  report({.note = fmt::format("rank {}: judging stopped, the rest goes on: {}", comm_.rank(), reason)});
}

void Scoring::finish(const Report& report) {
  for (;;) {
    write_finished(report);
    if (queue_->n_open() == 0 || queue_->lost()) break;
    std::this_thread::sleep_for(kPause);
  }
  write_finished(report);
}

std::pair<std::string, ExitCode> Scoring::stopped() const {
  const std::string mine =
      Json{static_cast<int>(stopped_code_), stopped_}.dump(-1, ' ', false, Json::error_handler_t::replace);
  for (const std::string& text : comm_.all_gather(mine)) {
    const Json one = Json::parse(text);
    if (one[1] != "") return {one[1], static_cast<ExitCode>(one[0].get<int>())};
  }
  return {"", ExitCode::kDone};
}

}  // namespace saesweep::sweep
