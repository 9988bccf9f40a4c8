#include "sweep/unit_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "base/errors.h"
#include "base/stopwatch.h"
#include "evaluate/cell_evaluation.h"
#include "model/compute.h"
#include "model/variants.h"
#include "sae/folder.h"
#include "sweep/score_rows.h"
#include "sweep/unit_harvest.h"
#include "sweep/unit_job.h"
#include "train/activation_buffer.h"
#include "train/activation_source.h"
#include "train/row_order.h"
#include "train/sae_trainer.h"

namespace saesweep::sweep {

namespace {

//! Seconds between a rank's messages.
constexpr double kReportEvery = 0.2;

//! Unwinds a unit whose run was asked to stop.
struct Interrupted {};

//! The step that the SAE furthest behind takes next; nothing where all are trained or failed.
std::optional<int64_t> least_step(std::span<Job* const> jobs) {
  std::optional<int64_t> least;
  for (const Job* job : jobs) {
    if (job->trains()) least = std::min(least.value_or(job->trainer->steps_done()), job->trainer->steps_done());
  }
  return least;
}

//! Of the SAEs that are not failed.
int64_t most_steps(std::span<Job* const> jobs) {
  int64_t most = 0;
  for (const Job* job : jobs) most = std::max(most, job->trainer ? job->trainer->n_steps() : 0);
  return most;
}

class UnitRun {
 public:
  UnitRun(std::span<const UnitCell> cells, const UnitContext& context);
  //! Cells that are left because memory did not suffice for all.
  std::vector<UnitCell> run();

 private:
  //! Takes up what earlier runs left of the unit's cells.
  void resume();
  //! Takes SAEs from their folders: the rows count as trained.
  void load();
  //! Draws the SAEs that are to be trained.
  void start();
  void train();
  void train_and_evaluate();
  std::vector<at::Tensor> next_batch(train::ActivationBuffer& buffer, int64_t step, std::span<Job* const> jobs);
  void train_step(Job& job, const at::Tensor& x);
  [[noreturn]] void save_and_stop(std::span<Job* const> jobs);
  void save(Job& job);
  //! Throws Interrupted where the run is to stop.
  void stop_if_wanted() const;
  void evaluate();
  //! n_all_rows: of both splits.
  void evaluate_split(train::ActivationSource& source, train::RowOrder order, int64_t n_rows, int64_t n_all_rows,
                      std::vector<evaluate::CellEvaluation>& evaluations, bool held_out);
  void write(Job& job, const evaluate::CellEvaluation& evaluation);
  //! Harvests cells that are not yet, and gives all to be scored.
  void score();
  void harvest();
  std::vector<Job*> jobs_that(const std::function<bool(const Job&)>& holds);
  train::ActivationSource source_of(const text::TokenRows& rows) const;
  train::TrainOptions train_options(const Cell& cell) const;
  //! Runs work of one job; what fails that cell alone is recorded and does not leave here.
  template <typename Work>
  void guarded(Job& job, Work&& work);
  void fail(Job& job, const std::string& reason);
  void fail_all(const std::string& reason);
  std::vector<UnitCell> unfinished();
  bool all_failed() const;
  //! Writes the stage, once its columns are.
  void reach(Job& job, results::Stage stage, double seconds);
  //! What the cost model said of a stage of each cell, in its unit.
  double planned(double StageSeconds::*stage) const;
  //! So much of a stage of the job is done.
  void advance(Job& job, double CellWork::*stage, double share);
  //! The job has other work left than was counted.
  void recount(Job& job, const CellWork& work);
  //! Of a stage that is not reached nothing stands; what a checkpoint has of it is found when it is read.
  void recount_untrained(Job& job);
  void report(const ProgressMessage& part, bool now = false);

  const UnitContext& context_;
  const SweepOptions& options_;
  std::vector<model::Hookpoint> hookpoints_;
  std::vector<Job> jobs_;
  std::optional<model::GptNeox> model_;
  //! By the cost model, for the unit's cells together.
  StageSeconds planned_;
  ProgressMessage unsent_;
  Stopwatch since_report_;
};

UnitRun::UnitRun(std::span<const UnitCell> cells, const UnitContext& context)
    : context_(context), options_(context.options) {
  for (const UnitCell& unit_cell : cells) hookpoints_.push_back(unit_cell.cell->hookpoint);
  std::sort(hookpoints_.begin(), hookpoints_.end());
  hookpoints_.erase(std::unique(hookpoints_.begin(), hookpoints_.end()), hookpoints_.end());
  for (const UnitCell& unit_cell : cells) {
    const auto place = std::find(hookpoints_.begin(), hookpoints_.end(), unit_cell.cell->hookpoint);
    jobs_.push_back({unit_cell.cell, unit_cell.row, unit_cell.stage, static_cast<size_t>(place - hookpoints_.begin()),
                     unit_cell.work});
  }
  std::vector<const Cell*> together;
  for (const UnitCell& unit_cell : cells) together.push_back(unit_cell.cell);
  planned_ = context.cost.stages(together);
}

train::TrainOptions UnitRun::train_options(const Cell& cell) const {
  train::TrainOptions train = options_.train;
  train.tokens = cell.tokens;
  return train;
}

train::ActivationSource UnitRun::source_of(const text::TokenRows& rows) const {
  const Cell& cell = *jobs_.front().cell;
  const bool control = cell.variant == model::Variant::kControl;
  return {*model_, rows, hookpoints_, control ? std::optional(cell.init_seed) : std::nullopt,
          options_.model.forward_tokens};
}

std::vector<UnitCell> UnitRun::run() {
  for (Job& job : jobs_) context_.results.set_state(job.row, results::State::kStarted);
  std::vector<UnitCell> left;
  try {
    resume();
    train_and_evaluate();
    if (options_.autointerp.is_wanted) score();
  } catch (const Interrupted&) {
    // Its cells stay started; the next start takes them up.
  } catch (const ModelError& error) {
    fail_all(error.what());
  } catch (const TextError& error) {
    fail_all(error.what());
  } catch (const std::exception& error) {
    if (!model::is_out_of_memory(error)) throw;
    if (jobs_.size() == 1) {
      fail_all("out of memory, alone on its rank");
    } else {
      left = unfinished();
    }
  }
  report({}, true);
  return left;
}

std::vector<UnitCell> UnitRun::unfinished() {
  std::vector<UnitCell> cells;
  for (Job* job : jobs_that([](const Job& one) { return !one.is_through; })) {
    recount_untrained(*job);
    cells.push_back({job->cell, job->row, job->stage, job->work});
  }
  return cells;
}

void UnitRun::resume() {
  for (Job& job : jobs_) {
    if (options_.autointerp.is_wanted && job.stage >= results::Stage::kEvaluated) {
      job.harvested = autointerp::read_harvest(harvest_path(options_, *job.cell));
    }
    if (job.cell->is_loaded() || job.harvested || job.stage < results::Stage::kTrained) continue;
    try {
      job.loaded = sae::load_sae(sae_folder(options_, *job.cell));
      job.loaded->parameters = job.loaded->parameters.to(context_.device);
    } catch (const ModelError&) {  // it is trained again
      job.stage = results::Stage::kNone;
      recount_untrained(job);
    }
  }
  for (Job& job : jobs_) recount(job, job.work_now());
}

void UnitRun::train_and_evaluate() {
  const auto needs_model = [](const Job& job) { return !job.harvested; };
  if (jobs_that(needs_model).empty()) return;
  const Cell& first = *jobs_.front().cell;
  model_.emplace(
      model::make_variant(*first.model_source, first.variant, first.init_seed, options_.model, context_.device));
  stop_if_wanted();
  if (first.is_loaded()) {
    load();
  } else {
    start();
    train();
  }
  evaluate();
}

std::vector<Job*> UnitRun::jobs_that(const std::function<bool(const Job&)>& holds) {
  std::vector<Job*> jobs;
  for (Job& job : jobs_) {
    if (!job.failed && holds(job)) jobs.push_back(&job);
  }
  return jobs;
}

void UnitRun::load() {
  for (Job& job : jobs_) {
    if (job.harvested) continue;
    job.loaded = sae::load_sae(job.cell->sae_folder);
    job.loaded->parameters = job.loaded->parameters.to(context_.device);
    if (job.stage >= results::Stage::kTrained) continue;
    reach(job, results::Stage::kTrained, 0);
  }
}

void UnitRun::start() {
  for (Job& job : jobs_) {
    if (job.stage >= results::Stage::kTrained) continue;
    const auto fresh = [&] {
      return std::make_unique<train::SaeTrainer>(job.cell->d_in, job.cell->sae, train_options(*job.cell),
                                                 job.cell->sae_seed, context_.device);
    };
    job.trainer = fresh();
    try {
      context_.checkpoints.restore(job);
    } catch (const ModelError& error) {  // nothing of a state that does not fit is used
      fmt::print(stderr, "saesweep: {}; {} is trained anew\n", error.what(), describe(*job.cell));
      job.trainer = fresh();
    }
    recount(job, job.work_now());
  }
}

void UnitRun::train() {
  const std::vector<Job*> jobs = jobs_that([](const Job& job) { return job.trainer != nullptr; });
  if (jobs.empty()) return;
  const text::TokenRows& rows = context_.text_of(*jobs_.front().cell).rows(text::Split::kTrain);
  const train::ActivationSource source = source_of(rows);
  const std::string text_hash = rows.stream().text_hash();
  const int64_t data_seed = options_.text.data_seed;
  train::ActivationBuffer buffer(source, {"train", text_hash, data_seed, rows.n_rows()}, text_hash, data_seed,
                                 options_.text.context_length, options_.train.batch_tokens,
                                 options_.train.buffer_tokens, [this] {
                                   report({});
                                   stop_if_wanted();
                                 });
  for (Job* job : jobs) {
    if (!job->trains()) guarded(*job, [&] { save(*job); });
  }
  context_.checkpoints.begin(jobs);
  // SAEs that a stop left at unlike steps go on together: those ahead wait until the others have come up.
  while (const std::optional<int64_t> step = least_step(jobs)) {
    if (context_.is_stopped()) save_and_stop(jobs);
    Stopwatch watch;
    const std::vector<at::Tensor> batch = next_batch(buffer, *step, jobs);
    const double share = watch.lap() / static_cast<double>(jobs.size());
    for (Job* job : jobs) {
      if (!job->trains() || job->trainer->steps_done() != *step) continue;
      guarded(*job, [&] { train_step(*job, batch[job->hookpoint]); });
      job->train_seconds += share + watch.lap();
      if (!job->failed && !job->trains()) guarded(*job, [&] { save(*job); });
    }
    context_.at_step(*step + 1, most_steps(jobs));
    context_.checkpoints.save_if_due(jobs);
  }
}

void UnitRun::save_and_stop(std::span<Job* const> jobs) {
  const std::string problem = context_.checkpoints.save_before_stop(jobs, context_.seconds_left());
  if (!problem.empty()) report({.note = problem}, true);
  throw Interrupted{};
}

//! A block of a buffer takes long to read.
std::vector<at::Tensor> UnitRun::next_batch(train::ActivationBuffer& buffer, int64_t step, std::span<Job* const> jobs) {
  try {
    return buffer.batch(step);
  } catch (const Interrupted&) {
    save_and_stop(jobs);
  }
}

void UnitRun::train_step(Job& job, const at::Tensor& x) {
  job.curve.add(job.trainer->step(x), job.trainer->n_steps(), options_.train.batch_tokens);
  advance(job, &CellWork::trained, 1 / static_cast<double>(job.trainer->n_steps()));
  report({.trained_tokens = options_.train.batch_tokens});
}

void UnitRun::save(Job& job) {
  sae::Sae trained = job.trainer->sae();
  trained.parameters = trained.parameters.to(at::kCPU);
  sae::save_sae(sae_folder(options_, *job.cell), trained, job.cell->sae);
  results::ResultsWriter& results = context_.results;
  job.curve.write(results, job.row);
  const int64_t tokens = job.trainer->steps_done() * options_.train.batch_tokens;
  results.write(job.row, "tokens_trained", tokens);
  if (!job.curve.loss.empty()) results.write(job.row, "train_loss", job.curve.loss.back());
  results.write(job.row, "train_seconds", job.train_seconds);
  results.write(job.row, "tokens_per_second", static_cast<double>(tokens) / job.train_seconds);
  results.write(job.row, "planned_train_seconds", planned(&StageSeconds::train));
  reach(job, results::Stage::kTrained, job.train_seconds);
  results.sync();  // the stage itself, before what it replaces goes
  context_.checkpoints.remove(*job.cell);
}

void UnitRun::reach(Job& job, results::Stage stage, double seconds) {
  context_.results.set_stage(job.row, stage);
  job.stage = stage;
  recount(job, job.work_now());
  context_.log.write("stage", {{"cell", job.cell->id}, {"stage", name_of(stage)}, {"seconds", seconds}});
}

double UnitRun::planned(double StageSeconds::*stage) const {
  return planned_.*stage / static_cast<double>(jobs_.size());
}

void UnitRun::stop_if_wanted() const {
  if (context_.is_stopped()) throw Interrupted{};
}

void UnitRun::evaluate() {
  if (jobs_that([](const Job& job) { return job.stage == results::Stage::kTrained; }).empty()) return;
  std::vector<evaluate::CellEvaluation> evaluations;
  evaluations.reserve(jobs_.size());
  for (const Job& job : jobs_) evaluations.emplace_back(job.cell->n_latents);
  const text::TokenizedText& text = context_.text_of(*jobs_.front().cell);
  int64_t n_all_rows = 0;
  for (const text::Split split : {text::Split::kHeldOut, text::Split::kTrain}) {
    n_all_rows += rows_for(options_.evaluate.tokens, text.rows(split));
  }
  for (const bool held_out : {true, false}) {
    const text::TokenRows& rows = text.rows(held_out ? text::Split::kHeldOut : text::Split::kTrain);
    train::ActivationSource source = source_of(rows);
    const train::RowOrder order(held_out ? "held out" : "train", rows.stream().text_hash(), options_.text.data_seed,
                                rows.n_rows());
    evaluate_split(source, order, rows_for(options_.evaluate.tokens, rows), n_all_rows, evaluations, held_out);
  }
  for (size_t i = 0; i < jobs_.size(); ++i) {
    const bool is_evaluated = !jobs_[i].failed && jobs_[i].stage == results::Stage::kTrained;
    if (is_evaluated) guarded(jobs_[i], [&] { write(jobs_[i], evaluations[i]); });
  }
}

void UnitRun::evaluate_split(train::ActivationSource& source, train::RowOrder order, int64_t n_rows, int64_t n_all_rows,
                             std::vector<evaluate::CellEvaluation>& evaluations, bool held_out) {
  const int64_t context = options_.text.context_length;
  const int64_t ce_rows = held_out ? std::min(n_rows, std::max<int64_t>(1, options_.evaluate.ce_tokens / context)) : 0;
  for (int64_t row = 0; row < n_rows && !all_failed();) {
    stop_if_wanted();
    Stopwatch watch;
    const bool losses = row < ce_rows;
    const int64_t n = std::min(source.forward_rows(), (losses ? ce_rows : n_rows) - row);
    const std::vector<int64_t> rows = order.rows(row, n);
    const train::ActivationBatch batch = losses ? source.read_with_logits(rows) : source.read(rows);
    evaluate::PatchedLosses patched(*model_, losses ? &batch.logits : nullptr, batch.ids, batch.streams_before);
    const double share = watch.lap() / static_cast<double>(jobs_.size());
    for (size_t i = 0; i < jobs_.size(); ++i) {
      Job& job = jobs_[i];
      if (job.failed || job.stage != results::Stage::kTrained) continue;
      guarded(job, [&] {
        const at::Tensor& x = batch.activations[job.hookpoint];
        if (held_out) {
          evaluations[i].add_held_out(job.sae(), x, context, job.cell->hookpoint, patched);
        } else {
          evaluations[i].add_train(job.sae(), x, context);
        }
        advance(job, &CellWork::evaluated, static_cast<double>(n) / static_cast<double>(n_all_rows));
        report({.evaluated_tokens = n * context});
      });
      job.evaluate_seconds += share + watch.lap();
    }
    row += n;
  }
}

void UnitRun::write(Job& job, const evaluate::CellEvaluation& evaluation) {
  results::ResultsWriter& results = context_.results;
  for (const auto& [column, value] : evaluation.metrics()) results.write(job.row, column, value);
  results.write(job.row, "tokens_evaluated", evaluation.n_tokens());
  results.write(job.row, "tokens_ce", evaluation.n_predictions());
  results.write(job.row, "evaluate_seconds", job.evaluate_seconds);
  results.write_block(job.row, "/all_latents/firing_rate", evaluation.firing_rates());
  results.write(job.row, "planned_evaluate_seconds", planned(&StageSeconds::evaluate));
  reach(job, results::Stage::kEvaluated, job.evaluate_seconds);
  if (options_.autointerp.is_wanted) return;
  results.set_state(job.row, results::State::kDone);
  job.is_through = true;
  recount(job, job.work_now());
  context_.log.write("done", {{"cell", job.cell->id}});
  report({.cells_done = 1}, true);
}

void UnitRun::score() {
  harvest();
  for (Job* job : jobs_that([](const Job& one) { return one.harvested.has_value(); })) {
    job->trainer.reset();
    job->loaded.reset();
    write_harvest_columns(context_.results, job->row, *job->harvested, options_.autointerp);
    reach(*job, results::Stage::kHarvested, job->harvest_seconds);
    job->harvested.reset();
    job->is_through = true;
    recount(*job, job->work_now());
    context_.score(*job->cell, job->row);
  }
}

void UnitRun::harvest() {
  const std::vector<Job*> jobs = jobs_that([](const Job& job) { return !job.harvested; });
  if (jobs.empty()) return;
  const Cell& first = *jobs_.front().cell;
  const text::TokenRows& rows = context_.text_of(first).rows(text::Split::kHeldOut);
  std::vector<HarvestTarget> targets;
  for (const Job* job : jobs) targets.push_back({job->cell->sae_seed, &job->sae(), job->hookpoint});
  const double all_tokens =
      static_cast<double>(harvest_rows(options_, rows).n * rows.context_length()) * static_cast<double>(jobs.size());
  harvest_saes(targets, source_of(rows), rows, context_.tokenizer_of(first), options_, [&](int64_t tokens) {
    for (Job* job : jobs) advance(*job, &CellWork::harvested, static_cast<double>(tokens) / all_tokens);
    report({.evaluated_tokens = tokens});
    stop_if_wanted();
  });
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (!targets[i].failure.empty()) {
      fail(*jobs[i], targets[i].failure);
      continue;
    }
    jobs[i]->harvested = std::move(targets[i].harvest);
    autointerp::write_harvest(harvest_path(options_, *jobs[i]->cell), *jobs[i]->harvested);
    jobs[i]->harvest_seconds = targets[i].seconds;
    context_.results.write(jobs[i]->row, "harvest_seconds", targets[i].seconds);
    context_.results.write(jobs[i]->row, "planned_harvest_seconds", planned(&StageSeconds::harvest));
  }
}

template <typename Work>
void UnitRun::guarded(Job& job, Work&& work) {
  try {
    work();
  } catch (const NumericError& error) {
    fail(job, error.what());
  }
}

void UnitRun::fail(Job& job, const std::string& reason) {
  job.failed = true;
  recount(job, job.work_now());
  job.trainer.reset();
  job.loaded.reset();
  context_.results.set_state(job.row, results::State::kFailed, reason);
  context_.log.write("failed", {{"cell", job.cell->id}, {"reason", reason}});
  report({.cells_failed = 1, .note = fmt::format("failed: {}: {}", describe(*job.cell), reason)}, true);
}

void UnitRun::fail_all(const std::string& reason) {
  for (Job* job : jobs_that([](const Job& one) { return !one.is_through; })) fail(*job, reason);
}

bool UnitRun::all_failed() const {
  return std::all_of(jobs_.begin(), jobs_.end(), [](const Job& job) { return job.failed; });
}

void UnitRun::advance(Job& job, double CellWork::*stage, double share) {
  const double before = job.work.left();
  job.work.*stage = std::min(1.0, job.work.*stage + share);
  unsent_.work_done += before - job.work.left();
}

void UnitRun::recount(Job& job, const CellWork& work) {
  unsent_.work_spared += job.work.left() - work.left();
  job.work = work;
}

void UnitRun::recount_untrained(Job& job) {
  CellWork work = job.work_now();
  if (job.stage < results::Stage::kTrained) work.trained = 0;
  recount(job, work);
}

void UnitRun::report(const ProgressMessage& part, bool now) {
  unsent_.trained_tokens += part.trained_tokens;
  unsent_.evaluated_tokens += part.evaluated_tokens;
  unsent_.judged_requests += part.judged_requests;
  unsent_.cells_done += part.cells_done;
  unsent_.cells_failed += part.cells_failed;
  unsent_.note += part.note;
  if (!now && since_report_.seconds() < kReportEvery) return;
  context_.report(unsent_);
  unsent_ = {};
  since_report_ = {};
}

}  // namespace

int64_t rows_for(int64_t tokens, const text::TokenRows& rows) {
  return std::clamp<int64_t>(tokens / rows.context_length(), 1, rows.n_rows());
}

std::filesystem::path sae_folder(const SweepOptions& options, const Cell& cell) {
  return cell.is_loaded() ? std::filesystem::path(cell.sae_folder)
                          : options.output / "saes" / cell.id / cell.hookpoint.name();
}

std::filesystem::path harvest_path(const SweepOptions& options, const Cell& cell) {
  return options.output / "harvest" / (cell.harvest_id + ".windows");
}

void run_unit(std::span<const UnitCell> cells, const UnitContext& context) {
  // What the failed attempt held is free again before the halves begin.
  const std::vector<UnitCell> left = UnitRun(cells, context).run();
  if (left.empty()) return;
  context.log.write("halved", {{"cells", left.size()}, {"reason", "out of memory"}});
  const std::span<const UnitCell> all = left;
  const size_t half = (left.size() + 1) / 2;
  run_unit(all.first(half), context);
  if (half < left.size() && !context.is_stopped()) run_unit(all.subspan(half), context);
}

}  // namespace saesweep::sweep
