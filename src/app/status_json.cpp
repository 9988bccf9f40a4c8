#include <cmath>
#include <cstdint>
#include <string>

#include "app/status_rates.h"
#include "app/status_text.h"

namespace saesweep::app {
namespace {

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json rates_json(const Rates& rates) {
  return {{"trained_tokens", number(rates.trained_tokens)},
          {"trained_tokens_a_rank", number(rates.trained_tokens / rates.n_ranks)},
          {"evaluated_tokens", number(rates.evaluated_tokens)},
          {"judged_requests", number(rates.judged_requests)}};
}

Json left_json(const TimeLeft& left) {
  return {{"total", number(left.total())}, {"device", number(left.device)}, {"judge", number(left.judge)}};
}

Json unit_json(const LoggedUnit& unit, double seconds) {
  return {{"cells", unit.cells},
          {"n_cells", unit.n_cells},
          {"seconds", number(seconds)},
          {"predicted_seconds", number(unit.predicted_seconds)}};
}

Json rank_json(const RankLog& log, double now) {
  Json rank = {{"rank", log.rank},
               {"machine", text_or_null(log.machine)},
               {"device", text_or_null(log.device)},
               {"last_event", log.last_event},
               {"seconds_since_last", number(now - log.last_time)},
               {"is_idle", log.is_idle()},
               {"is_stopping", log.is_stopping},
               {"has_ended", log.has_ended},
               {"error", text_or_null(log.error)},
               {"end_reason", text_or_null(log.end_reason)},
               {"judge_lost", text_or_null(log.judge_lost)},
               {"per_second", rates_json(rates_of(log))},
               {"unit", nullptr}};
  if (!log.at_work) return rank;
  rank["unit"] = unit_json(*log.at_work, seconds_at_work(log, now));
  rank["unit"]["step"] = log.step;
  rank["unit"]["steps"] = log.n_steps;
  return rank;
}

Json job_json(const JobStatus& job, const TimeLeft& left, double now) {
  Json ranks = Json::array();
  for (const RankLog& log : job.ranks) ranks.push_back(rank_json(log, now));
  const bool has_ranks = !job.ranks.empty();
  return {{"folder", job.folder.string()},
          {"shard", text_or_null(job.shard)},
          {"is_running", job.is_running()},
          {"holder", text_or_null(job.holder)},
          {"run", has_ranks ? Json(job.ranks.front().run) : Json(nullptr)},
          {"slurm_job", has_ranks ? text_or_null(job.ranks.front().slurm_job) : Json(nullptr)},
          {"n_ranks", has_ranks && job.ranks.front().n_ranks ? Json(*job.ranks.front().n_ranks) : Json(nullptr)},
          {"per_second", rates_json(rates_of(job))},
          {"seconds_left", job.is_running() ? left_json(left) : Json(nullptr)},
          {"ranks", ranks}};
}

Json jobs_json(const SweepStatus& status) {
  Json jobs = Json::array();
  const auto left = times_left(status);
  for (size_t i = 0; i < status.jobs.size(); ++i) jobs.push_back(job_json(status.jobs[i], left[i], status.now));
  return jobs;
}

Json judge_json(const std::optional<LoggedJudge>& judge) {
  if (!judge) return nullptr;
  return {{"open_cells", judge->open_cells}, {"answered", judge->answered},
          {"cached", judge->cached},         {"sent", judge->sent},
          {"failed", judge->failed},         {"in_flight", judge->in_flight},
          {"is_paused", judge->is_paused}};
}

Json checkpoint_json(const std::optional<LoggedCheckpoint>& last, double now) {
  if (!last) return nullptr;
  return {{"seconds_ago", number(now - last->time)},
          {"cells", last->cells},
          {"step", last->step},
          {"bytes", number(last->bytes)},
          {"seconds", number(last->seconds)}};
}

Json slow_json(const SweepStatus& status) {
  constexpr size_t kMost = 20;
  Json units = Json::array();
  for (const UnitPace& pace : slowest_units(status, kMost)) {
    units.push_back(unit_json(pace.unit, pace.unit.seconds));
    units.back()["times_predicted"] = number(pace.ratio());
    units.back()["is_at_work"] = pace.is_at_work;
    units.back()["job"] = status.jobs[pace.job].folder.string();
    units.back()["rank"] = pace.rank;
  }
  return units;
}

Json silent_json(const SweepStatus& status) {
  Json ranks = Json::array();
  for (const SilentRank& silent : silent_ranks(status)) {
    ranks.push_back({{"job", status.jobs[silent.job].folder.string()},
                     {"rank", silent.rank},
                     {"seconds", number(silent.seconds)},
                     {"last_event", silent.last_event}});
  }
  return ranks;
}

Json failed_json(const SweepStatus& status) {
  Json failed = Json::array();
  for (const CellProgress& cell : status.cells) {
    if (cell.state != results::State::kFailed) continue;
    failed.push_back({{"id", cell.row.id}, {"settings", cell.text()}, {"reason", cell.failure}});
  }
  return failed;
}

}  // namespace

Json status_json(const SweepStatus& status) {
  const CellCounts n = count_cells(status);
  return {{"sweep", text_or_null(status.sweep_name)},
          {"output", status.output.string()},
          {"is_running", status.is_running()},
          {"cells",
           {{"all", n.all},
            {"done", n.done},
            {"failed", n.failed},
            {"at_work", n.at_work},
            {"with_judge", n.with_judge},
            {"left", n.left},
            {"to_come", n.to_come},
            {"left_out", status.n_left_out}}},
          {"stages",
           {{"trained", n.trained}, {"evaluated", n.evaluated}, {"harvested", n.harvested}, {"scored", n.scored}}},
          {"jobs", jobs_json(status)},
          {"per_second", rates_json(rates_of(status))},
          {"seconds_left", status.is_running() ? left_json(time_left(status)) : Json(nullptr)},
          {"judge", judge_json(judge_of(status))},
          {"checkpoint", checkpoint_json(last_checkpoint(status), status.now)},
          {"slow_units", slow_json(status)},
          {"silent_ranks", silent_json(status)},
          {"failed_cells", failed_json(status)},
          {"problems", status.problems}};
}

}  // namespace saesweep::app
