#include "sweep/toy_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <list>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "base/json.h"
#include "base/stopwatch.h"
#include "model/compute.h"
#include "mpi/work_queue.h"
#include "results/reader.h"
#include "results/writer.h"
#include "sweep/agreement.h"
#include "sweep/device.h"
#include "sweep/output.h"
#include "sweep/output_claim.h"
#include "sweep/run_info.h"
#include "sweep/stopping.h"
#include "sweep/toy_cells.h"
#include "sweep/toy_memory.h"
#include "sweep/toy_training.h"

namespace saesweep::sweep {

namespace {

constexpr double kGraceSeconds = 30;
//! Between two looks at what is asked for, and at what is trained.
constexpr auto kLookEvery = std::chrono::milliseconds(20);

class ToyRun {
 public:
  ToyRun(const toy::ToyOptions& options, at::Device device, const RunSettings& settings, const StopSignals& signals,
         const mpi::Comm& comm)
      : options_(options),
        settings_(settings),
        signals_(signals),
        comm_(comm),
        folders_(options.output, {}),
        device_(device) {}

  ToySummary go();

 private:
  void prepare();
  void open_results();
  void work();
  //! Writes what is trained; returns whether there was any.
  bool write_finished(const std::function<void()>& report);
  bool is_stopped() const { return is_asked_.load(std::memory_order_relaxed); }
  void start_row(size_t place);
  void write(size_t place, const ToyOutcome& outcome);
  std::string progress_text(double seconds) const;

  const toy::ToyOptions& options_;
  const RunSettings& settings_;
  const StopSignals& signals_;
  const mpi::Comm& comm_;
  OutputFolders folders_;
  at::Device device_;
  OutputLease lease_;
  Stopwatch watch_;
  std::vector<toy::Embeddings> embeddings_;
  std::vector<ToyCell> cells_;
  std::optional<results::ResultsWriter> results_;
  //! Cells to do by their rows, which are their places in the sweep.
  std::vector<size_t> to_do_;
  std::optional<ToyTraining> training_;
  //! Items at work, each on a thread of its own.
  std::list<std::pair<std::vector<size_t>, std::future<std::vector<ToyOutcome>>>> at_work_;
  std::atomic<bool> is_asked_ = false;
  //! On the root, of all ranks.
  std::atomic<int64_t> n_finished_ = 0;
  ToySummary summary_;
};

void ToyRun::prepare() {
  on_all(comm_, [&](int64_t& place) {
    for (const std::string& path : options_.embeddings) {
      embeddings_.push_back(toy::read_embeddings(path));
      ++place;
    }
  });
  cells_ = expand_toy(options_, embeddings_);
  check_toy_memory(options_, embeddings_, cells_, memory_of_ranks({}, at::Device(at::kCPU), comm_));
  training_.emplace(options_, embeddings_, cells_, device_, device_.is_cpu() ? 0 : memory_of_ranks({}, device_, comm_));
  const auto check = [&] { require_sweep(folders_.results(), options_.name, "toy"); };
  claim_output(lease_, folders_, settings_, signals_, check, comm_);
  open_results();
}

//! Makes the results file anew, with what holds of the one that is there.
void ToyRun::open_results() {
  std::vector<results::CellRow> rows;
  std::vector<results::GridEntry> grid;
  std::set<std::string> ids;
  for (const ToyCell& cell : cells_) {
    rows.push_back(row_of(cell, options_));
    grid.push_back({cell.id, cell.evaluate_id, "", describe(cell)});
    ids.insert(cell.id);
  }
  std::vector<std::filesystem::path> older;
  on_all(comm_, [&](int64_t&) {
    if (!std::filesystem::exists(folders_.results())) return;
    older.push_back(folders_.results());
    // Nothing finished is lost, though the sweep has it no more.
    for (const results::CellStatus& cell : results::read_cells(folders_.results())) {
      if (ids.insert(cell.row.id).second) rows.push_back(cell.row);
    }
  });
  results::RootInfo info = machine_info(settings_.version, device_);
  info.sweep_name = options_.name;
  info.sweep = options_.resolved;
  info.kind = "toy";
  const results::Shape shape{.n_cells = rows.size(), .n_grid = grid.size()};
  results_.emplace(results::ResultsWriter::recreate(folders_.results(), comm_, shape, rows, info,
                                                    results::Stage::kEvaluated, {}, grid, older));
  on_all(comm_, [&](int64_t&) {
    const std::vector<results::CellStatus> found = results::read_cells(folders_.results());
    for (size_t i = 0; i < cells_.size(); ++i) {
      const results::State state = found[i].state;
      if (state == results::State::kDone) ++summary_.n_done_before;
      const bool is_left =
          state != results::State::kDone && (state != results::State::kFailed || settings_.retry_failed);
      if (is_left) to_do_.push_back(i);
    }
    // Long work first, so that ranks end together.
    std::ranges::stable_sort(to_do_, std::greater(),
                             [&](size_t place) { return product_operations(cells_[place], options_); });
  });
}

void ToyRun::start_row(size_t place) {
  const ToyCell& cell = cells_[place];
  results_->set_state(place, results::State::kStarted);
  results_->write(place, "d_in", cell.d_in);
  results_->write(place, "n_latents", cell.n_latents);
  results_->write(place, "rank", int64_t{comm_.rank()});
  results_->write(place, "host", std::string_view(machine_line(device_)));
}

void ToyRun::write(size_t place, const ToyOutcome& outcome) {
  if (!outcome.failure.empty()) {
    results_->set_state(place, results::State::kFailed, outcome.failure);
    return;
  }
  const toy::TrainingReport& training = outcome.training;
  results_->write(place, "tokens_trained", training.samples);
  results_->write(place, "train_loss", training.loss);
  results_->write(place, "train_seconds", training.seconds);
  results_->write(place, "tokens_per_second", static_cast<double>(training.samples) / training.seconds);
  results_->set_stage(place, results::Stage::kTrained);
  const toy::Evaluation& found = outcome.evaluation;
  const std::pair<const char*, double> columns[] = {{"explained_variance", found.explained_variance},
                                                    {"cosine_similarity", found.cosine_similarity},
                                                    {"mse", found.mse},
                                                    {"l0", found.l0},
                                                    {"l1", found.l1},
                                                    {"dead_fraction", found.dead_fraction},
                                                    {"mmcs", found.mmcs},
                                                    {"l1_sqrt_l2", found.l1_sqrt_l2},
                                                    {"hoyer", found.hoyer},
                                                    {"evaluate_seconds", outcome.evaluation_seconds}};
  for (const auto& [column, value] : columns) results_->write(place, column, value);
  results_->write(place, "tokens_evaluated", found.samples);
  results_->set_stage(place, results::Stage::kEvaluated);
  results_->set_state(place, results::State::kDone);
}

bool ToyRun::write_finished(const std::function<void()>& report) {
  bool has_any = false;
  for (auto one = at_work_.begin(); one != at_work_.end();) {
    auto& [places, future] = *one;
    if (future.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      ++one;
      continue;
    }
    const std::vector<ToyOutcome> outcomes = future.get();
    for (size_t i = 0; i < places.size(); ++i) {
      const toy::TrainingReport& training = outcomes[i].training;
      const ToyCell& cell = cells_[places[i]];
      summary_.product_seconds += training.product_seconds;
      summary_.operations += toy::product_operations({.epochs = 1}, training.samples, cell.d_in, cell.n_latents);
      if (training.is_stopped) continue;
      write(places[i], outcomes[i]);
      report();
    }
    has_any = true;
    one = at_work_.erase(one);
  }
  return has_any;
}

std::string ToyRun::progress_text(double seconds) const {
  const int64_t n_finished = n_finished_.load();
  const auto n_to_do = std::ssize(to_do_);
  std::string text = fmt::format("{} of {} SAEs", summary_.n_done_before + n_finished, cells_.size());
  if (n_finished == 0) return text;
  const double left = seconds * static_cast<double>(n_to_do - n_finished) / static_cast<double>(n_finished);
  return text + fmt::format(", {} left", duration_text(left));
}

void ToyRun::work() {
  const Stopwatch watch;
  ProgressLine line(comm_.is_root() ? settings_.progress : ProgressLine::Mode::kNone);
  const std::vector<std::vector<size_t>> items = training_->items(to_do_);
  mpi::WorkQueue queue(comm_, std::ssize(items), [this](int, std::span<const std::byte>) { ++n_finished_; });
  Stopping stopping(signals_, queue, kGraceSeconds);
  const auto look = [&] {
    if (stopping.is_wanted()) is_asked_ = true;
    line.show(progress_text(watch.seconds()));
    return write_finished([&] { queue.report({}); });
  };
  const int64_t most_at_work = device_.is_cpu() ? options_.threads : 1;
  const auto has_room = [&] { return std::ssize(at_work_) < most_at_work; };
  bool has_more = true;
  while (has_more || !at_work_.empty()) {
    const bool has_written = look();
    has_more = has_more && !is_stopped();
    if (has_more && has_room()) {
      const auto next = queue.next([&] { look(); });
      has_more = next.has_value();
      if (!next) continue;
      const std::vector<size_t>& places = items[static_cast<size_t>(next->front())];
      for (const size_t place : places) start_row(place);
      at_work_.emplace_back(places, std::async(std::launch::async, [this, places] {
                              return training_->train(places, [this] { return is_stopped(); });
                            }));
    } else if (!has_written && !at_work_.empty()) {
      at_work_.front().second.wait_for(kLookEvery);
    }
  }
  const double seconds = watch.seconds();
  if (is_stopped()) summary_.stopped = stopping.signal().empty() ? "another rank" : stopping.signal();
  queue.finish();
  line.finish();
  summary_.thread_seconds = comm_.max(seconds) * static_cast<double>(options_.threads * comm_.size());
  summary_.product_seconds = comm_.sum(summary_.product_seconds);
  summary_.operations = comm_.sum(summary_.operations);
}

ToySummary ToyRun::go() {
  prepare();
  try {
    if (!to_do_.empty()) work();
    results_->close();
  } catch (const std::exception& error) {
    is_asked_ = true;
    const auto* known = dynamic_cast<const Error*>(&error);
    fmt::print(stderr, "saesweep: error: rank {}: {}\n", comm_.rank(), error.what());
    comm_.abort(static_cast<int>(known != nullptr ? known->exit_code() : ExitCode::kInternal));
  }
  summary_.n_cells = std::ssize(cells_);
  summary_.results = folders_.results();
  for (const std::string& reason : comm_.all_gather(summary_.stopped)) {
    if (!reason.empty()) summary_.stopped = fmt::format("stopped by {}; the same command goes on", reason);
    if (reason.starts_with("SIG")) break;
  }
  on_all(comm_, [&](int64_t&) {
    const auto found = results::read_cells(folders_.results());
    for (size_t i = 0; i < cells_.size(); ++i) {
      summary_.n_done += found[i].state == results::State::kDone ? 1 : 0;
      summary_.n_failed += found[i].state == results::State::kFailed ? 1 : 0;
    }
  });
  summary_.seconds = watch_.seconds();
  return summary_;
}

}  // namespace

ToySummary run_toy(const toy::ToyOptions& options, const RunSettings& settings, const StopSignals& signals,
                   const mpi::Comm& comm) {
  model::set_threads(1);  // of a product: each SAE has a thread
  SweepOptions asked;
  asked.source = options.source;
  asked.run.device = options.device;
  asked.run.device = device_kind(asked, comm.all(model::n_cuda_devices() > 0));
  toy::ToyOptions resolved = options;
  resolved.device = asked.run.device;
  return ToyRun(resolved, rank_device(asked.run, comm), settings, signals, comm).go();
}

}  // namespace saesweep::sweep
