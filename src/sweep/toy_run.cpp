#include "sweep/toy_run.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <thread>
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
#include "sweep/output.h"
#include "sweep/output_claim.h"
#include "sweep/run_info.h"
#include "sweep/stopping.h"
#include "sweep/toy_cells.h"
#include "toy/evaluation.h"
#include "toy/sae_training.h"

namespace saesweep::sweep {

namespace {

constexpr double kGraceSeconds = 30;

//! What became of a cell.
struct Outcome {
  toy::TrainingReport training;
  toy::Evaluation evaluation;
  double evaluation_seconds = 0;
  //! Why it failed; "": it did not.
  std::string failure;
};

//! What the cells at work share, kept while the next ones share it too.
template <typename Key, typename Value>
class Shared {
 public:
  //! Makes what is new of `keys`, and forgets all others.
  template <typename Make>
  void keep(const std::set<Key>& keys, const Make& make) {
    std::erase_if(values_, [&](const auto& one) { return !keys.contains(one.first); });
    for (const Key& key : keys) {
      if (!values_.contains(key)) values_.emplace(key, make(key));
    }
  }
  const Value& at(const Key& key) const { return values_.at(key); }

 private:
  std::map<Key, Value> values_;
};

using DataOf = std::pair<int64_t, toy::DataKey>;
//! Dimensions, latents and seed.
using StartOf = std::tuple<int64_t, int64_t, int64_t>;

DataOf data_of(const ToyCell& cell) {
  return {cell.embeddings, cell.data};
}

StartOf start_of(const ToyCell& cell) {
  return {cell.d_in, cell.n_latents, cell.data.seed};
}

class ToyRun {
 public:
  ToyRun(const toy::ToyOptions& options, const RunSettings& settings, const StopSignals& signals, const mpi::Comm& comm)
      : options_(options), settings_(settings), signals_(signals), comm_(comm), folders_(options.output, {}) {}

  ToySummary go();

 private:
  void prepare();
  void open_results();
  void work();
  void work_on(std::span<const size_t> places, const std::function<bool()>& is_stopped);
  void prepare_shared(std::span<const size_t> places);
  Outcome outcome_of(const ToyCell& cell, const std::function<bool()>& is_stopped) const;
  void start_row(size_t place);
  void write(size_t place, const Outcome& outcome);
  std::string progress_text(double seconds) const;

  const toy::ToyOptions& options_;
  const RunSettings& settings_;
  const StopSignals& signals_;
  const mpi::Comm& comm_;
  OutputFolders folders_;
  OutputLease lease_;
  Stopwatch watch_;
  std::vector<toy::Embeddings> embeddings_;
  std::vector<ToyCell> cells_;
  std::optional<results::ResultsWriter> results_;
  //! Cells to do, by their rows, which are their places in the sweep.
  std::vector<size_t> to_do_;
  Shared<DataOf, toy::Dataset> data_;
  Shared<StartOf, toy::Parameters> starts_;
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
  results::RootInfo info = machine_info(at::Device(at::kCPU));
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
  });
}

void ToyRun::prepare_shared(std::span<const size_t> places) {
  std::set<DataOf> data;
  std::set<StartOf> starts;
  for (const size_t place : places) {
    data.insert(data_of(cells_[place]));
    starts.insert(start_of(cells_[place]));
  }
  data_.keep(data, [&](const DataOf& key) {
    const toy::Embeddings* embeddings = key.first < 0 ? nullptr : &embeddings_[static_cast<size_t>(key.first)];
    return toy::make_dataset(options_.drawn, embeddings, key.second);
  });
  starts_.keep(starts, [](const StartOf& key) { return std::apply(toy::initial_parameters, key); });
}

Outcome ToyRun::outcome_of(const ToyCell& cell, const std::function<bool()>& is_stopped) const {
  Outcome outcome;
  try {
    const toy::Dataset& data = data_.at(data_of(cell));
    toy::Parameters parameters = starts_.at(start_of(cell)).clone();
    outcome.training =
        toy::train(data.train, {options_.training, cell.penalty, cell.data.seed}, is_stopped, parameters);
    if (outcome.training.is_stopped) return outcome;
    const Stopwatch watch;
    outcome.evaluation = toy::evaluate(parameters, data.held_out, data.features);
    outcome.evaluation_seconds = watch.seconds();
  } catch (const NumericError& error) {
    outcome.failure = error.what();
  }
  return outcome;
}

void ToyRun::start_row(size_t place) {
  const ToyCell& cell = cells_[place];
  results_->set_state(place, results::State::kStarted);
  results_->write(place, "d_in", cell.d_in);
  results_->write(place, "n_latents", cell.n_latents);
  results_->write(place, "rank", int64_t{comm_.rank()});
  results_->write(place, "host", std::string_view(machine_line(at::Device(at::kCPU))));
}

void ToyRun::write(size_t place, const Outcome& outcome) {
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

void ToyRun::work_on(std::span<const size_t> places, const std::function<bool()>& is_stopped) {
  for (const size_t place : places) start_row(place);
  prepare_shared(places);
  std::vector<Outcome> outcomes(places.size());
  // Each on a thread of its own, where products take one thread.
  at::parallel_for(0, std::ssize(places), 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const auto number = static_cast<size_t>(i);
      outcomes[number] = outcome_of(cells_[places[number]], is_stopped);
    }
  });
  for (size_t i = 0; i < places.size(); ++i) {
    summary_.product_seconds += outcomes[i].training.product_seconds;
    summary_.operations += outcomes[i].training.is_stopped ? 0.0 : product_operations(cells_[places[i]], options_);
    if (!outcomes[i].training.is_stopped) write(places[i], outcomes[i]);
  }
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
  const auto n_items = (std::ssize(to_do_) + options_.threads - 1) / options_.threads;
  mpi::WorkQueue queue(comm_, n_items, [&](int, std::span<const std::byte> message) {
    n_finished_ += static_cast<int64_t>(message.size());
  });
  Stopping stopping(signals_, queue, kGraceSeconds);
  const auto main_thread = std::this_thread::get_id();
  std::atomic<bool> is_asked = false;
  const std::function<bool()> is_stopped = [&] {
    // Only the thread of the queue may ask it.
    if (std::this_thread::get_id() == main_thread) {
      if (stopping.is_wanted()) is_asked = true;
      line.show(progress_text(watch.seconds()));
    }
    return is_asked.load(std::memory_order_relaxed);
  };
  while (!is_stopped()) {
    const auto next = queue.next([&] { is_stopped(); });
    if (!next) break;
    const size_t first = static_cast<size_t>((*next)[0] * options_.threads);
    const size_t n = std::min(static_cast<size_t>(options_.threads), to_do_.size() - first);
    work_on(std::span(to_do_).subspan(first, n), is_stopped);
    // A byte an SAE.
    queue.report(std::vector<std::byte>(n));
  }
  const double seconds = watch.seconds();
  if (is_asked) summary_.stopped = stopping.signal().empty() ? "another rank" : stopping.signal();
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
  model::set_threads(options.threads);
  return ToyRun(options, settings, signals, comm).go();
}

}  // namespace saesweep::sweep
