#include "app/status_rates.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace saesweep::app {
namespace {

using results::State;

constexpr double kRateSeconds = 120;
constexpr double kSilentSeconds = 60;

void add(double& sum, double part) {
  if (std::isnan(part)) return;
  sum = std::isnan(sum) ? part : sum + part;
}

void add(Rates& sum, const Rates& part) {
  add(sum.trained_tokens, part.trained_tokens);
  add(sum.evaluated_tokens, part.evaluated_tokens);
  add(sum.judged_requests, part.judged_requests);
  sum.n_ranks += part.n_ranks;
}

//! Requests that a cell took so far; NaN before one was scored.
double requests_of_cell(const JobStatus& job) {
  double requests = 0, cells = 0;
  for (const RankLog& log : job.ranks) {
    if (log.work.empty() || !log.judge) continue;
    const double before = log.work.front().judged_requests;
    requests += log.work.back().judged_requests - (std::isnan(before) ? 0 : before);
    cells += static_cast<double>(log.scored.size());
  }
  return cells > 0 && requests > 0 ? requests / cells : kUnknown;
}

//! Until so many cells are scored. A judge for which no cell waits keeps up with the device, however little it is
//! asked.
double judge_seconds(const JobStatus& job, size_t n_cells) {
  const bool is_behind = std::ranges::any_of(
      job.ranks, [](const RankLog& log) { return log.judge && log.judge->open_cells > 0 && log.judge_lost.empty(); });
  if (n_cells == 0 || !is_behind) return 0;
  const double seconds = static_cast<double>(n_cells) * requests_of_cell(job) / rates_of(job).judged_requests;
  return std::isfinite(seconds) ? seconds : kUnknown;
}

//! As the run itself reckoned it last.
double device_seconds(const JobStatus& job, double now) {
  for (const RankLog& log : job.ranks) {
    if (!std::isnan(log.seconds_left)) return std::max(0.0, log.seconds_left - (now - log.seconds_left_time));
  }
  return kUnknown;
}

bool is_open(const CellProgress& cell) {
  return cell.state != State::kDone && cell.state != State::kFailed;
}

//! What is unknown of one is unknown of all.
double later(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? kUnknown : std::max(a, b);
}

}  // namespace

Rates rates_of(const RankLog& log) {
  if (log.work.size() < 2 || log.is_idle()) return {};
  const WorkPoint& last = log.work.back();
  const auto first = std::ranges::find_if(
      log.work, [&](const WorkPoint& point) { return point.seconds >= last.seconds - kRateSeconds; });
  const double seconds = last.seconds - first->seconds;
  if (!(seconds > 0)) return {};
  Rates rates{.judged_requests = (last.judged_requests - first->judged_requests) / seconds};
  if (!log.at_work) return rates;  // its device has nothing to do while the judge is asked
  rates.trained_tokens = (last.trained_tokens - first->trained_tokens) / seconds;
  rates.evaluated_tokens = (last.evaluated_tokens - first->evaluated_tokens) / seconds;
  rates.n_ranks = 1;
  return rates;
}

Rates rates_of(const JobStatus& job) {
  Rates sum;
  for (const RankLog& log : job.ranks) add(sum, rates_of(log));
  return sum;
}

Rates rates_of(const SweepStatus& status) {
  Rates sum;
  for (const JobStatus& job : status.jobs) {
    if (job.is_running()) add(sum, rates_of(job));
  }
  return sum;
}

double TimeLeft::total() const {
  return later(device, judge);
}

std::vector<TimeLeft> times_left(const SweepStatus& status) {
  if (status.is_toy()) return std::vector<TimeLeft>(status.jobs.size());
  std::vector<size_t> n_to_score(status.jobs.size());
  for (const CellProgress& cell : status.cells) {
    if (cell.job && is_open(cell) && !cell.row.score_id.empty()) ++n_to_score[*cell.job];
  }
  std::vector<TimeLeft> left;
  for (size_t job = 0; job < status.jobs.size(); ++job) {
    left.push_back({.device = device_seconds(status.jobs[job], status.now),
                    .judge = judge_seconds(status.jobs[job], n_to_score[job])});
  }
  return left;
}

TimeLeft time_left(const SweepStatus& status) {
  const std::vector<TimeLeft> times = times_left(status);
  TimeLeft all{.device = 0, .judge = 0};
  for (size_t job = 0; job < times.size(); ++job) {
    if (!status.jobs[job].is_running()) continue;
    all.device = later(all.device, times[job].device);
    all.judge = later(all.judge, times[job].judge);
  }
  return all;
}

double seconds_at_work(const RankLog& log, double now) {
  if (!log.at_work) return kUnknown;
  return log.at_work->seconds + std::max(0.0, now - log.last_time);
}

std::vector<UnitPace> slowest_units(const SweepStatus& status, size_t most) {
  std::vector<UnitPace> units;
  for (size_t job = 0; job < status.jobs.size(); ++job) {
    for (const RankLog& log : status.jobs[job].ranks) {
      for (const LoggedUnit& unit : log.finished) {
        if (!unit.is_stopped && unit.seconds > unit.predicted_seconds) units.push_back({job, log.rank, unit, false});
      }
      if (!log.at_work || !status.jobs[job].is_running()) continue;
      UnitPace pace{job, log.rank, *log.at_work, true};
      pace.unit.seconds = seconds_at_work(log, status.now);
      if (pace.ratio() > 1) units.push_back(std::move(pace));
    }
  }
  std::erase_if(units, [](const UnitPace& unit) { return !std::isfinite(unit.ratio()); });  // nothing was predicted
  std::ranges::stable_sort(units, std::greater<>(), &UnitPace::ratio);
  if (units.size() > most) units.resize(most);
  return units;
}

std::vector<SilentRank> silent_ranks(const SweepStatus& status) {
  std::vector<SilentRank> silent;
  for (size_t job = 0; job < status.jobs.size(); ++job) {
    if (!status.jobs[job].is_running()) continue;
    for (const RankLog& log : status.jobs[job].ranks) {
      const double seconds = status.now - log.last_time;
      if (seconds > kSilentSeconds && !log.is_idle() && !log.has_ended) {
        silent.push_back({job, log.rank, seconds, log.last_event});
      }
    }
  }
  return silent;
}

std::optional<LoggedJudge> judge_of(const SweepStatus& status) {
  std::optional<LoggedJudge> sum;
  for (const JobStatus& job : status.jobs) {
    for (const RankLog& log : job.ranks) {
      if (!log.judge) continue;
      if (!sum) sum.emplace();
      sum->answered += log.judge->answered;
      sum->cached += log.judge->cached;
      sum->sent += log.judge->sent;
      sum->failed += log.judge->failed;
      if (!job.is_running()) continue;
      sum->open_cells += log.judge->open_cells;
      sum->in_flight += log.judge->in_flight;
      sum->is_paused |= log.judge->is_paused;
    }
  }
  return sum;
}

std::optional<LoggedCheckpoint> last_checkpoint(const SweepStatus& status) {
  std::optional<LoggedCheckpoint> last;
  for (const JobStatus& job : status.jobs) {
    for (const RankLog& log : job.ranks) {
      if (log.checkpoint && (!last || log.checkpoint->time > last->time)) last = log.checkpoint;
    }
  }
  return last;
}

}  // namespace saesweep::app
