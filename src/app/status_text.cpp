#include "app/status_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "app/requests_text.h"
#include "app/status_details.h"
#include "app/status_rates.h"
#include "app/table.h"
#include "base/progress.h"

namespace saesweep::app {
namespace {

using results::Stage;
using results::State;

//! More of these are counted, not listed.
constexpr size_t kJobsShown = 40;

std::string head_text(const SweepStatus& status, const CellCounts& n) {
  if (status.sweep_name.empty()) {
    return status.is_running()
               ? "No results yet: a run has started here, and reads its models and text until its first cells begin\n"
               : "No results yet: what has run here ended before its first cells began\n";
  }
  std::string text = fmt::format("Sweep {}: {} of {} cells done", status.sweep_name, n.done, n.all);
  for (const auto& [count, what] :
       {std::pair(n.at_work, "running"), {n.with_judge, "with the judge"}, {n.left, "begun and left"}}) {
    if (count > 0) text += fmt::format(", {} {}", count, what);
  }
  text += fmt::format(", {} failed, {} to come\n", n.failed, n.to_come);
  text += fmt::format("So far {} trained, {} evaluated", n.trained, n.evaluated);
  if (n.harvested > 0 || n.scored > 0) text += fmt::format(", {} harvested, {} scored", n.harvested, n.scored);
  text += "\n";
  const auto unbegun = std::ranges::count_if(status.cells, [](const CellProgress& cell) { return !cell.job; });
  if (unbegun > 0) text += fmt::format("{} of those to come belong to jobs that have not begun\n", unbegun);
  if (status.n_left_out > 0) {
    text += fmt::format("{} further rows are of cells that the sweep has no more\n", status.n_left_out);
  }
  return text;
}

//! "2 ranks", "1 of 2 ranks" where some have said nothing yet.
std::string ranks_text(const JobStatus& job) {
  if (job.ranks.empty()) return "no rank has said anything yet";
  const size_t n = job.ranks.size();
  const size_t all = std::max(n, static_cast<size_t>(job.ranks.front().n_ranks.value_or(0)));
  const std::string seen = n < all ? fmt::format("{} of ", n) : "";
  return fmt::format("{}{} rank{}", seen, all, all == 1 ? "" : "s");
}

//! The first that a rank gives; "" where none does.
std::string first_reason(const JobStatus& job, std::string RankLog::*reason) {
  const auto found = std::ranges::find_if(job.ranks, [&](const RankLog& log) { return !(log.*reason).empty(); });
  return found == job.ranks.end() ? "" : (*found).*reason;
}

//! Of a run that is over: why, where it was not done.
std::string why_over(const JobStatus& job) {
  const std::string reason = first_reason(job, &RankLog::end_reason);
  if (reason.starts_with("stopped")) return "was " + reason;
  if (!reason.empty()) return "ended early: " + reason;
  if (std::ranges::any_of(job.ranks, &RankLog::is_stopping)) return "was stopped";
  return job.ranks.front().has_ended ? "" : "was killed: its log breaks off";
}

//! Of the latest run: whether it stops, has ended, or broke off.
std::string end_text(const JobStatus& job) {
  for (const RankLog& log : job.ranks) {
    if (!log.error.empty()) return fmt::format("rank {} broke off: {}", log.rank, log.error);
  }
  if (job.ranks.empty()) return "";
  if (!job.is_running()) return why_over(job);
  if (std::ranges::any_of(job.ranks, &RankLog::is_stopping)) return "asked to stop";
  const std::string lost = first_reason(job, &RankLog::judge_lost);
  if (lost.empty()) return "";
  const auto judges = [](const RankLog& log) { return log.judge && log.judge_lost.empty(); };
  const bool all_lost = std::ranges::none_of(job.ranks, judges);
  return fmt::format("{} any more, the rest goes on: {}",
                     all_lost ? "no cell is judged" : "cells of some ranks are not judged", lost);
}

std::string one_job_text(const JobStatus& job, bool is_toy) {
  const std::string end = end_text(job);
  const std::string note = end.empty() ? "" : "; " + end;
  if (!job.is_running()) return fmt::format("Not running{}\n", note);
  const std::string name = job.shard.empty() ? "" : job_name(job) + ", ";
  const std::string ranks = is_toy ? "" : "; " + ranks_text(job);
  return fmt::format("Running: {}{}{}{}\n", name, job.holder, ranks, note);
}

struct JobCells {
  size_t all = 0, done = 0, failed = 0;
};

std::vector<JobCells> cells_of_jobs(const SweepStatus& status) {
  std::vector<JobCells> counts(status.jobs.size());
  for (const CellProgress& cell : status.cells) {
    if (!cell.job) continue;
    ++counts[*cell.job].all;
    counts[*cell.job].done += cell.state == State::kDone ? 1 : 0;
    counts[*cell.job].failed += cell.state == State::kFailed ? 1 : 0;
  }
  return counts;
}

std::string jobs_text(const SweepStatus& status) {
  if (status.jobs.size() == 1) return one_job_text(status.jobs.front(), status.is_toy());
  const auto n_running = std::ranges::count_if(status.jobs, &JobStatus::is_running);
  const auto counts = cells_of_jobs(status);
  const auto left = times_left(status);
  TextTable table({"job", "cells", "done", "failed", "ranks", "tokens/s", "left", "who"});
  for (size_t i = 0; i < std::min(kJobsShown, status.jobs.size()); ++i) {
    const JobStatus& job = status.jobs[i];
    const bool runs = job.is_running();
    const std::string end = end_text(job);
    const std::string who =
        runs ? job.holder + (end.empty() ? "" : "; " + end) : "not running" + (end.empty() ? "" : "; " + end);
    table.add({job_name(job), std::to_string(counts[i].all), std::to_string(counts[i].done),
               std::to_string(counts[i].failed), std::to_string(job.ranks.size()),
               runs ? per_second(rates_of(job).trained_tokens) : "-", runs ? seconds_text(left[i].total()) : "-", who});
  }
  return fmt::format("{} of {} jobs running\n\n{}{}", n_running, status.jobs.size(), table.text(),
                     more_text(status.jobs.size(), kJobsShown, "jobs"));
}

std::string problems_text(const SweepStatus& status) {
  std::string text;
  for (const std::string& problem : status.problems) text += "Cannot be read: " + problem + "\n";
  return text;
}

//! Of the cells that give both numbers.
std::string past_rate_text(const SweepStatus& status) {
  double tokens = 0, seconds = 0;
  for (const CellProgress& cell : status.cells) {
    if (!(cell.tokens_trained > 0 && cell.train_seconds > 0)) continue;
    tokens += cell.tokens_trained;
    seconds += cell.train_seconds;
  }
  if (!(seconds > 0)) return "";
  return fmt::format("Rate so far: {} training {}\n", count_text(tokens / seconds),
                     status.is_toy() ? "samples/s a thread" : "tokens/s a rank");
}

std::string rate_text(const SweepStatus& status) {
  const Rates rates = rates_of(status);
  if (!status.is_running() || rates.n_ranks == 0) return past_rate_text(status);
  std::string text = fmt::format("Rate: {} training tokens/s, {} a rank", count_text(rates.trained_tokens),
                                 count_text(rates.trained_tokens / rates.n_ranks));
  if (rates.evaluated_tokens > 0) {
    text += fmt::format("; {} tokens/s evaluated or harvested", count_text(rates.evaluated_tokens));
  }
  return text + " (last two minutes)\n";
}

//! Whether cells are left that no running job has.
bool has_cells_elsewhere(const SweepStatus& status) {
  return std::ranges::any_of(status.cells, [&](const CellProgress& cell) {
    const bool is_open = cell.state != State::kDone && cell.state != State::kFailed;
    return is_open && !(cell.job && status.jobs[*cell.job].is_running());
  });
}

double known_total(const TimeLeft& left) {
  return std::isnan(left.total()) ? left.device : left.total();
}

std::string left_text(const SweepStatus& status) {
  if (!status.is_running() || status.cells.empty() || status.is_toy()) return "";
  const TimeLeft left = time_left(status);
  if (std::isnan(left.device)) {
    const bool has_worked = std::ranges::any_of(status.jobs, [](const JobStatus& job) {
      return std::ranges::any_of(job.ranks, [](const RankLog& log) { return !log.finished.empty(); });
    });
    return has_worked ? "Time left: unknown\n" : "Time left: unknown before the ranks have worked for some seconds\n";
  }
  std::string text = fmt::format("Time left{}: ", has_cells_elsewhere(status) ? " of the jobs that run" : "");
  text += "about " + duration_text(known_total(left));
  if (std::isnan(left.judge)) {
    text += " for the device, unknown for the judge, which is behind";
  } else if (left.judge > 0) {
    text += fmt::format(" (device {}, judge {})", duration_text(left.device), duration_text(left.judge));
  }
  return text + "\n";
}

}  // namespace

CellCounts count_cells(const SweepStatus& status) {
  CellCounts n{.all = status.cells.size()};
  for (const CellProgress& cell : status.cells) {
    n.trained += cell.stage >= Stage::kTrained ? 1 : 0;
    n.evaluated += cell.stage >= Stage::kEvaluated ? 1 : 0;
    n.harvested += cell.stage >= Stage::kHarvested ? 1 : 0;
    n.scored += cell.stage >= Stage::kScored ? 1 : 0;
    const bool waits = cell.job && status.jobs[*cell.job].is_running() && cell.stage == Stage::kHarvested;
    size_t& count = cell.state == State::kDone                                   ? n.done
                    : cell.state == State::kFailed                               ? n.failed
                    : cell.is_at_work                                            ? n.at_work
                    : waits                                                      ? n.with_judge
                    : cell.state == State::kStarted || cell.stage > Stage::kNone ? n.left
                                                                                 : n.to_come;
    ++count;
  }
  return n;
}

std::string status_text(const SweepStatus& status) {
  return head_text(status, count_cells(status)) + problems_text(status) + jobs_text(status) + rate_text(status) +
         left_text(status) + details_text(status);
}

}  // namespace saesweep::app
