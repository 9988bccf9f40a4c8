#include "app/status_details.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "app/requests_text.h"
#include "app/status_rates.h"
#include "app/table.h"
#include "base/progress.h"

namespace saesweep::app {
namespace {

using results::State;

//! More of these are counted, not listed.
constexpr size_t kFailuresShown = 20;
constexpr size_t kRanksShown = 16;
constexpr size_t kUnitsShown = 5;
constexpr size_t kSilentShown = 10;

//! What a rank is at, in a few words.
std::string activity(const RankLog& log) {
  if (!log.error.empty()) return "broke off";
  if (log.has_ended) return "has ended";
  if (log.is_idle()) return "has no work";
  if (log.waits_for_judge()) {
    return fmt::format("waits for the judge ({} cells)", log.judge->open_cells);
  }
  if (!log.at_work) return "prepares: models, text";
  const std::string cells = fmt::format("{} cell{}", log.at_work->n_cells, log.at_work->n_cells == 1 ? "" : "s");
  if (log.n_steps == 0 && !log.is_evaluating) return cells + ", begun";
  if (log.step >= log.n_steps) return cells + ", evaluated or harvested";
  return fmt::format("{}, step {} of {}", cells, log.step, log.n_steps);
}

//! A line a rank, where one job runs and its ranks are few.
std::string ranks_table(const SweepStatus& status) {
  size_t n = 0;
  for (const JobStatus& job : status.jobs) n += job.is_running() ? job.ranks.size() : 0;
  if (n == 0 || n > kRanksShown) return "";
  const bool has_jobs = status.jobs.size() > 1;
  std::vector<std::string> heads = {"rank", "at", "for", "predicted", "tokens/s", "machine"};
  if (has_jobs) heads.insert(heads.begin(), "job");
  TextTable table(heads);
  for (const JobStatus& job : status.jobs) {
    if (!job.is_running()) continue;
    for (const RankLog& log : job.ranks) {
      const double seconds = seconds_at_work(log, status.now);
      const double predicted = log.at_work ? log.at_work->predicted_seconds : kUnknown;
      std::vector<std::string> line = {std::to_string(log.rank),
                                       activity(log),
                                       std::isnan(seconds) ? "-" : duration_text(seconds),
                                       std::isnan(predicted) ? "-" : duration_text(predicted),
                                       per_second(rates_of(log).trained_tokens),
                                       log.machine.substr(0, log.machine.find(','))};
      if (has_jobs) line.insert(line.begin(), job_name(job));
      table.add(line);
    }
  }
  return "\n" + table.text();
}

std::string judge_text(const SweepStatus& status) {
  const auto judge = judge_of(status);
  if (!judge || (judge->answered == 0 && judge->open_cells == 0)) return "";
  const double rate = rates_of(status).judged_requests;
  std::string text = fmt::format("\nJudge: {} requests answered", judge->answered);
  if (status.is_running() && !std::isnan(rate)) text += fmt::format(" ({} a second)", count_text(rate));
  text += fmt::format(", {} of them from the cache; {} sent, {} failed", judge->cached, judge->sent, judge->failed);
  if (status.is_running()) text += fmt::format("; {} in flight, {} cells wait", judge->in_flight, judge->open_cells);
  if (judge->is_paused) text += "; it does not answer at the moment";
  return text + "\n";
}

std::string checkpoint_text(const SweepStatus& status) {
  const auto last = last_checkpoint(status);
  if (!last) return "";
  const std::string size = std::isnan(last->bytes) ? "" : bytes_text(static_cast<uint64_t>(last->bytes)) + ", ";
  const double ago = status.now - last->time;
  return fmt::format("Last checkpoint: {} ago, {} cell{} at step {} ({}written in {:.2f} s)\n", seconds_text(ago),
                     last->cells, last->cells == 1 ? "" : "s", last->step, size, last->seconds);
}

std::string rank_name(const SweepStatus& status, size_t job, int rank) {
  return status.jobs.size() > 1 ? fmt::format("{} rank {}", job_name(status.jobs[job]), rank)
                                : fmt::format("rank {}", rank);
}

std::string silent_text(const SweepStatus& status) {
  const auto silent = silent_ranks(status);
  if (silent.empty()) return "";
  std::string text = "\nRanks that have logged nothing for a minute:\n";
  for (size_t i = 0; i < std::min(kSilentShown, silent.size()); ++i) {
    text += fmt::format("  {}: for {}, last: {}\n", rank_name(status, silent[i].job, silent[i].rank),
                        duration_text(silent[i].seconds), silent[i].last_event);
  }
  return text + more_text(silent.size(), kSilentShown, "ranks");
}

//! The cells of a unit by their first.
std::string unit_text(const SweepStatus& status, const LoggedUnit& unit) {
  const std::string n = fmt::format("{} cell{}", unit.n_cells, unit.n_cells == 1 ? "" : "s");
  if (unit.cells.empty()) return n;
  const auto found = std::ranges::find(status.cells, unit.cells.front(), [](const auto& cell) { return cell.row.id; });
  return found == status.cells.end() ? n : fmt::format("{}: {}", n, found->text());
}

std::string units_text(const SweepStatus& status) {
  const auto units = slowest_units(status, kUnitsShown);
  if (units.empty()) return "";
  TextTable table({"  times predicted", "seconds", "", "where", "cells"});
  for (const UnitPace& pace : units) {
    table.add({fmt::format("  {:.2g}", pace.ratio()), duration_text(pace.unit.seconds), pace.is_at_work ? "so far" : "",
               rank_name(status, pace.job, pace.rank), unit_text(status, pace.unit)});
  }
  return "\nSlowest units beside their prediction:\n" + table.text();
}

std::string failures_text(const SweepStatus& status) {
  std::string text;
  size_t n_failed = 0;
  for (const CellProgress& cell : status.cells) {
    if (cell.state != State::kFailed || ++n_failed > kFailuresShown) continue;
    text += fmt::format("  {}: {}\n", cell.text(), cell.failure);
  }
  if (n_failed == 0) return "";
  return "\nFailed (run --retry-failed tries them again):\n" + text + more_text(n_failed, kFailuresShown, "cells");
}

}  // namespace

std::string job_name(const JobStatus& job) {
  if (job.is_merged()) return "merged";
  return job.shard.empty() ? "whole run" : "shard " + job.shard;
}

std::string more_text(size_t n, size_t shown, const char* what) {
  return n > shown ? fmt::format("  and {} more {}\n", n - shown, what) : "";
}

std::string per_second(double rate) {
  return std::isnan(rate) ? "-" : count_text(rate);
}

std::string seconds_text(double seconds) {
  return std::isnan(seconds) ? "unknown" : duration_text(seconds);
}

std::string details_text(const SweepStatus& status) {
  return ranks_table(status) + judge_text(status) + checkpoint_text(status) + silent_text(status) + units_text(status) +
         failures_text(status);
}

}  // namespace saesweep::app
