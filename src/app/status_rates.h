#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/sweep_status.h"

namespace saesweep::app {

//! A second, over the last two minutes of logs; NaN where logs say nothing. Ranks without work are left out.
struct Rates {
  double trained_tokens = kUnknown;
  double evaluated_tokens = kUnknown;
  double judged_requests = kUnknown;
  //! Ranks that the sums of tokens are of.
  int n_ranks = 0;
};

//! Of one rank.
Rates rates_of(const RankLog& log);
//! Sums over the ranks of a job, and over the running jobs.
Rates rates_of(const JobStatus& job);
Rates rates_of(const SweepStatus& status);

//! Seconds until a sweep's running jobs are done; NaN where it is not known.
struct TimeLeft {
  //! Until all cells are trained, evaluated and harvested.
  double device = kUnknown;
  //! Until all are scored, if the judge goes on as now; 0 where nothing is left to score.
  double judge = kUnknown;

  //! Both stages overlap.
  double total() const;
};

//! Of each job: the device as the job itself reckoned it, less what has passed since; the judge by what cells took so
//! far. Unknown of toy sweeps, which write no logs.
std::vector<TimeLeft> times_left(const SweepStatus& status);
//! Of the running job that needs longest.
TimeLeft time_left(const SweepStatus& status);

//! A unit beside its prediction.
struct UnitPace {
  size_t job = 0;
  int rank = 0;
  LoggedUnit unit;
  bool is_at_work = false;

  //! Times what was predicted.
  double ratio() const { return unit.seconds / unit.predicted_seconds; }
};

//! Those that took, or have taken so far, longer than predicted, in the parts of the logs that were read; the worst
//! first. At work: in running jobs.
std::vector<UnitPace> slowest_units(const SweepStatus& status, size_t most);

//! A rank of a running job that has said nothing for a minute and should have.
struct SilentRank {
  size_t job = 0;
  int rank = 0;
  double seconds = 0;
  std::string last_event;
};
std::vector<SilentRank> silent_ranks(const SweepStatus& status);

//! Seconds for which the unit of a rank has been at work.
double seconds_at_work(const RankLog& log, double now);

//! Cells that wait for replies, requests, and so on, over all ranks of the latest runs; nothing where no judge was
//! asked. Requests in flight are those of running jobs.
std::optional<LoggedJudge> judge_of(const SweepStatus& status);

//! The last one written on any rank.
std::optional<LoggedCheckpoint> last_checkpoint(const SweepStatus& status);

}  // namespace saesweep::app
