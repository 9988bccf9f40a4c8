#include "app/status_rates.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace saesweep::app {
namespace {

using results::Stage;
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

//! A mean, and means of parts of the whole, by a key.
class Means {
 public:
  void add(const CellProgress& cell, double amount, double of = 1) {
    if (std::isnan(amount) || !(of > 0)) return;
    for (const std::string& key : keys_of(cell)) {
      auto& [sum, weight] = sums_[key];
      sum += amount;
      weight += of;
    }
  }
  //! By the narrowest key that has any; NaN where nothing is known.
  double of(const CellProgress& cell) const {
    for (const std::string& key : keys_of(cell)) {
      if (const auto found = sums_.find(key); found != sums_.end()) return found->second.first / found->second.second;
    }
    return kUnknown;
  }

 private:
  static std::vector<std::string> keys_of(const CellProgress& cell) {
    return {cell.row.model + "/" + std::to_string(cell.row.expansion_factor), cell.row.model, ""};
  }
  std::unordered_map<std::string, std::pair<double, double>> sums_;
};

//! What cells have taken, for those to come.
struct Experience {
  //! Seconds a training token; seconds a cell.
  Means train, evaluate, harvest;

  explicit Experience(const std::vector<CellProgress>& cells) {
    for (const CellProgress& cell : cells) {
      train.add(cell, cell.train_seconds, cell.tokens_trained);
      evaluate.add(cell, cell.evaluate_seconds);
      harvest.add(cell, cell.harvest_seconds);
    }
  }
};

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
  const bool is_behind =
      std::ranges::any_of(job.ranks, [](const RankLog& log) { return log.judge && log.judge->open_cells > 0; });
  if (n_cells == 0 || !is_behind) return 0;
  const double seconds = static_cast<double>(n_cells) * requests_of_cell(job) / rates_of(job).judged_requests;
  return std::isfinite(seconds) ? seconds : kUnknown;
}

//! Which rank is at a cell, which share of its training is done, and how many training tokens that rank does a second.
struct Place {
  size_t rank = 0;
  double share_trained = 0;
  double rate = kUnknown;
};

//! What is left of a job.
class Work {
 public:
  Work(const JobStatus& job, const Experience& experience)
      : experience_(experience), of_ranks_(std::max<size_t>(1, job.ranks.size()), 0) {
    const double rate = rates_of(job).trained_tokens;
    rank_rate_ = rate > 0 ? rate / static_cast<double>(of_ranks_.size()) : kUnknown;
    for (size_t rank = 0; rank < job.ranks.size(); ++rank) {
      const RankLog& log = job.ranks[rank];
      if (!log.at_work) continue;
      const double share = log.n_steps > 0 ? static_cast<double>(log.step) / static_cast<double>(log.n_steps) : 0;
      const double own_rate = rates_of(log).trained_tokens;
      for (const std::string& id : log.at_work->cells)
        places_[id] = {rank, share, own_rate > 0 ? own_rate : rank_rate_};
    }
  }

  void add(const CellProgress& cell) {
    const auto found = places_.find(cell.row.id);
    const double seconds = seconds_of(cell, found == places_.end() ? Place{0, 0, rank_rate_} : found->second);
    seconds_ += seconds;
    if (found != places_.end()) of_ranks_[found->second.rank] += seconds;
    n_to_score_ += cell.row.score_id.empty() ? 0 : 1;
  }

  TimeLeft left(const JobStatus& job) const {
    // The rank with the longest unit, or all ranks together.
    const double longest = *std::ranges::max_element(of_ranks_);
    const double device = std::isnan(seconds_) ? kUnknown : seconds_ / static_cast<double>(of_ranks_.size());
    return {.device = std::isnan(device) ? kUnknown : std::max(device, longest),
            .judge = judge_seconds(job, n_to_score_),
            .is_partial = is_partial_};
  }

 private:
  //! Of one rank.
  double seconds_of(const CellProgress& cell, const Place& place) {
    double seconds = 0;
    if (cell.stage < Stage::kTrained) {
      const double a_token = experience_.train.of(cell);
      const double tokens = static_cast<double>(cell.row.tokens) * (1 - place.share_trained);
      seconds += tokens * (std::isnan(a_token) ? 1 / place.rate : a_token);
    }
    if (cell.stage < Stage::kEvaluated) seconds += known(experience_.evaluate.of(cell));
    if (cell.stage < Stage::kHarvested && !cell.row.score_id.empty()) seconds += known(experience_.harvest.of(cell));
    return seconds;
  }

  double known(double seconds) {
    is_partial_ |= std::isnan(seconds);
    return std::isnan(seconds) ? 0 : seconds;
  }

  const Experience& experience_;
  std::unordered_map<std::string_view, Place> places_;
  //! Training tokens a second.
  double rank_rate_ = kUnknown;
  double seconds_ = 0;
  //! Of these, the units that ranks are at.
  std::vector<double> of_ranks_;
  size_t n_to_score_ = 0;
  bool is_partial_ = false;
};

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
  return {.trained_tokens = (last.trained_tokens - first->trained_tokens) / seconds,
          .evaluated_tokens = (last.evaluated_tokens - first->evaluated_tokens) / seconds,
          .judged_requests = (last.judged_requests - first->judged_requests) / seconds,
          .n_ranks = 1};
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
  const Experience experience(status.cells);
  std::vector<Work> work;
  for (const JobStatus& job : status.jobs) work.emplace_back(job, experience);
  for (const CellProgress& cell : status.cells) {
    if (cell.job && is_open(cell)) work[*cell.job].add(cell);
  }
  std::vector<TimeLeft> left;
  for (size_t job = 0; job < work.size(); ++job) left.push_back(work[job].left(status.jobs[job]));
  return left;
}

TimeLeft time_left(const SweepStatus& status) {
  const std::vector<TimeLeft> times = times_left(status);
  TimeLeft all{.device = 0, .judge = 0};
  for (size_t job = 0; job < times.size(); ++job) {
    if (!status.jobs[job].is_running()) continue;
    all.device = later(all.device, times[job].device);
    all.judge = later(all.judge, times[job].judge);
    all.is_partial |= times[job].is_partial;
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
