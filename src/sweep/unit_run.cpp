#include "sweep/unit_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <map>
#include <memory>
#include <optional>

#include "base/errors.h"
#include "evaluate/cell_evaluation.h"
#include "model/compute.h"
#include "model/variants.h"
#include "sae/folder.h"
#include "train/activation_buffer.h"
#include "train/activation_source.h"
#include "train/row_order.h"
#include "train/sae_trainer.h"

namespace saesweep::sweep {

namespace {

constexpr int64_t kCurvePoints = 100;
//! Seconds between a rank's messages.
constexpr double kReportEvery = 0.2;

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
  //! Seconds since the start or the last lap.
  double lap() {
    const double seconds_now = seconds();
    const double passed = seconds_now - lap_;
    lap_ = seconds_now;
    return passed;
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double lap_ = 0;
};

//! Training history of a cell.
struct Curve {
  std::vector<int64_t> step, tokens;
  std::vector<double> loss, explained_variance, l0, dead_fraction, learning_rate;

  void add(const train::StepReport& report, int64_t batch_tokens) {
    step.push_back(report.step + 1);
    tokens.push_back((report.step + 1) * batch_tokens);
    loss.push_back(report.loss);
    explained_variance.push_back(1.0 - report.fvu);
    l0.push_back(report.l0);
    dead_fraction.push_back(report.dead_fraction);
    learning_rate.push_back(report.learning_rate);
  }
};

//! A cell while its unit runs.
struct Job {
  const Cell* cell;
  uint64_t row;
  //! Of the unit's hookpoints.
  size_t hookpoint;
  //! One of these two.
  std::unique_ptr<train::SaeTrainer> trainer;
  std::optional<sae::Sae> loaded = {};
  Curve curve = {};
  double train_seconds = 0;
  double evaluate_seconds = 0;
  bool failed = false;

  const sae::Sae& sae() const { return loaded ? *loaded : trainer->sae(); }
};

class UnitRun {
 public:
  UnitRun(std::span<const UnitCell> cells, const UnitContext& context);
  void run();

 private:
  //! Takes SAEs from their folders: the rows count as trained.
  void load();
  //! Draws the SAEs that are to be trained.
  void start();
  void train();
  void train_step(Job& job, const at::Tensor& x, int64_t step);
  void save(Job& job);
  void evaluate();
  void evaluate_split(train::ActivationSource& source, train::RowOrder order, int64_t n_rows,
                      std::vector<evaluate::CellEvaluation>& evaluations, bool held_out);
  void write(Job& job, const evaluate::CellEvaluation& evaluation);
  train::ActivationSource source_of(const text::TokenRows& rows) const;
  train::TrainOptions train_options(const Cell& cell) const;
  //! Runs work of one job; what fails that cell alone is recorded and does not leave here.
  template <typename Work>
  void guarded(Job& job, Work&& work);
  void fail(Job& job, const std::string& reason);
  bool all_failed() const;
  void report(const ProgressMessage& part, bool now = false);

  const UnitContext& context_;
  const SweepOptions& options_;
  std::vector<model::Hookpoint> hookpoints_;
  std::vector<Job> jobs_;
  std::optional<model::GptNeox> model_;
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
    jobs_.push_back({unit_cell.cell, unit_cell.row, static_cast<size_t>(place - hookpoints_.begin()), nullptr});
  }
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

void UnitRun::run() {
  for (Job& job : jobs_) context_.results.set_state(job.row, results::State::kStarted);
  const Cell& first = *jobs_.front().cell;
  try {
    model_.emplace(
        model::make_variant(first.model_source, first.variant, first.init_seed, options_.model, context_.device));
    if (first.is_loaded()) {
      load();
    } else {
      start();
      train();
    }
    evaluate();
  } catch (const std::exception& error) {
    if (!model::is_out_of_memory(error)) throw;
    for (Job& job : jobs_) {
      if (!job.failed) fail(job, fmt::format("out of memory with {} cells a unit", jobs_.size()));
    }
  }
  report({}, true);
}

void UnitRun::load() {
  for (Job& job : jobs_) {
    job.loaded = sae::load_sae(job.cell->sae_folder);
    job.loaded->parameters = job.loaded->parameters.to(context_.device);
    context_.results.set_stage(job.row, results::Stage::kTrained);
  }
}

void UnitRun::start() {
  for (Job& job : jobs_) {
    job.trainer = std::make_unique<train::SaeTrainer>(job.cell->d_in, job.cell->sae, train_options(*job.cell),
                                                      job.cell->sae_seed, context_.device);
  }
}

void UnitRun::train() {
  const text::TokenRows& rows = context_.text_of(*jobs_.front().cell).rows(text::Split::kTrain);
  const train::ActivationSource source = source_of(rows);
  const std::string text_hash = rows.stream().text_hash();
  const int64_t data_seed = options_.text.data_seed;
  train::ActivationBuffer buffer(source, {"train", text_hash, data_seed, rows.n_rows()}, text_hash, data_seed,
                                 options_.text.context_length, options_.train.batch_tokens,
                                 options_.train.buffer_tokens);
  int64_t n_steps = 0;
  for (const Job& job : jobs_) n_steps = std::max(n_steps, job.trainer->n_steps());
  for (int64_t step = 0; step < n_steps && !all_failed(); ++step) {
    Stopwatch watch;
    const std::vector<at::Tensor> batch = buffer.batch(step);
    const double share = watch.lap() / static_cast<double>(jobs_.size());
    for (Job& job : jobs_) {
      if (job.failed || step >= job.trainer->n_steps()) continue;
      guarded(job, [&] { train_step(job, batch[job.hookpoint], step); });
      job.train_seconds += share + watch.lap();
    }
  }
  for (Job& job : jobs_) {
    if (!job.failed) guarded(job, [&] { save(job); });
  }
}

void UnitRun::train_step(Job& job, const at::Tensor& x, int64_t step) {
  const train::StepReport step_report = job.trainer->step(x);
  const int64_t every = curve_points(job.trainer->n_steps()).every;
  if ((step + 1) % every == 0) job.curve.add(step_report, options_.train.batch_tokens);
  report({.trained_tokens = options_.train.batch_tokens});
}

void UnitRun::save(Job& job) {
  sae::Sae trained = job.trainer->sae();
  trained.parameters = trained.parameters.to(at::kCPU);
  sae::save_sae(options_.output / "saes" / job.cell->id / job.cell->hookpoint.name(), trained, job.cell->sae);
  results::ResultsWriter& results = context_.results;
  results.write_curve(job.row, "step", job.curve.step);
  results.write_curve(job.row, "tokens", job.curve.tokens);
  results.write_curve(job.row, "loss", job.curve.loss);
  results.write_curve(job.row, "explained_variance", job.curve.explained_variance);
  results.write_curve(job.row, "l0", job.curve.l0);
  results.write_curve(job.row, "dead_fraction", job.curve.dead_fraction);
  results.write_curve(job.row, "learning_rate", job.curve.learning_rate);
  const int64_t tokens = job.trainer->steps_done() * options_.train.batch_tokens;
  results.write(job.row, "tokens_trained", tokens);
  if (!job.curve.loss.empty()) results.write(job.row, "train_loss", job.curve.loss.back());
  results.write(job.row, "train_seconds", job.train_seconds);
  results.write(job.row, "tokens_per_second", static_cast<double>(tokens) / job.train_seconds);
  results.set_stage(job.row, results::Stage::kTrained);
}

void UnitRun::evaluate() {
  std::vector<evaluate::CellEvaluation> evaluations;
  evaluations.reserve(jobs_.size());
  for (const Job& job : jobs_) evaluations.emplace_back(job.cell->n_latents);
  const text::TokenizedText& text = context_.text_of(*jobs_.front().cell);
  for (const bool held_out : {true, false}) {
    const text::TokenRows& rows = text.rows(held_out ? text::Split::kHeldOut : text::Split::kTrain);
    train::ActivationSource source = source_of(rows);
    const train::RowOrder order(held_out ? "held out" : "train", rows.stream().text_hash(), options_.text.data_seed,
                                rows.n_rows());
    evaluate_split(source, order, rows_for(options_.evaluate.tokens, rows), evaluations, held_out);
  }
  for (size_t i = 0; i < jobs_.size(); ++i) {
    if (!jobs_[i].failed) guarded(jobs_[i], [&] { write(jobs_[i], evaluations[i]); });
  }
}

void UnitRun::evaluate_split(train::ActivationSource& source, train::RowOrder order, int64_t n_rows,
                             std::vector<evaluate::CellEvaluation>& evaluations, bool held_out) {
  const int64_t context = options_.text.context_length;
  const int64_t ce_rows = held_out ? std::min(n_rows, std::max<int64_t>(1, options_.evaluate.ce_tokens / context)) : 0;
  for (int64_t row = 0; row < n_rows && !all_failed();) {
    Stopwatch watch;
    const bool losses = row < ce_rows;
    const int64_t n = std::min(source.forward_rows(), (losses ? ce_rows : n_rows) - row);
    const std::vector<int64_t> rows = order.rows(row, n);
    const train::ActivationBatch batch = losses ? source.read_with_logits(rows) : source.read(rows);
    evaluate::PatchedLosses patched(*model_, losses ? &batch.logits : nullptr, batch.ids, batch.streams_before);
    const double share = watch.lap() / static_cast<double>(jobs_.size());
    for (size_t i = 0; i < jobs_.size(); ++i) {
      Job& job = jobs_[i];
      if (job.failed) continue;
      guarded(job, [&] {
        const at::Tensor& x = batch.activations[job.hookpoint];
        if (held_out) {
          evaluations[i].add_held_out(job.sae(), x, context, job.cell->hookpoint, patched);
        } else {
          evaluations[i].add_train(job.sae(), x, context);
        }
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
  results.set_stage(job.row, results::Stage::kEvaluated);
  results.set_state(job.row, results::State::kDone);
  report({.cells_done = 1}, true);
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
  job.trainer.reset();
  job.loaded.reset();
  context_.results.set_state(job.row, results::State::kFailed, reason);
  report({.cells_failed = 1, .note = fmt::format("failed: {}: {}", describe(*job.cell), reason)}, true);
}

bool UnitRun::all_failed() const {
  return std::all_of(jobs_.begin(), jobs_.end(), [](const Job& job) { return job.failed; });
}

void UnitRun::report(const ProgressMessage& part, bool now) {
  unsent_.trained_tokens += part.trained_tokens;
  unsent_.evaluated_tokens += part.evaluated_tokens;
  unsent_.cells_done += part.cells_done;
  unsent_.cells_failed += part.cells_failed;
  unsent_.note += part.note;
  if (!now && since_report_.seconds() < kReportEvery) return;
  context_.report(unsent_);
  unsent_ = {};
  since_report_ = {};
}

}  // namespace

CurvePoints curve_points(int64_t n_steps) {
  const int64_t every = std::max<int64_t>(1, n_steps / kCurvePoints);
  return {every, n_steps / every};
}

int64_t rows_for(int64_t tokens, const text::TokenRows& rows) {
  return std::clamp<int64_t>(tokens / rows.context_length(), 1, rows.n_rows());
}

void run_unit(std::span<const UnitCell> cells, const UnitContext& context) {
  UnitRun(cells, context).run();
}

}  // namespace saesweep::sweep
