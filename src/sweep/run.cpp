#include "sweep/run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <map>
#include <optional>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "base/event_log.h"
#include "base/files.h"
#include "base/json.h"
#include "base/stopwatch.h"
#include "model/compute.h"
#include "mpi/work_queue.h"
#include "results/reader.h"
#include "results/writer.h"
#include "sweep/agreement.h"
#include "sweep/binding.h"
#include "sweep/calibration.h"
#include "sweep/checkpointing.h"
#include "sweep/device.h"
#include "sweep/expand.h"
#include "sweep/inputs.h"
#include "sweep/inputs_text.h"
#include "sweep/output.h"
#include "sweep/output_claim.h"
#include "sweep/output_folders.h"
#include "sweep/output_lease.h"
#include "sweep/prediction.h"
#include "sweep/run_info.h"
#include "sweep/scheduler.h"
#include "sweep/scoring.h"
#include "sweep/shards.h"
#include "sweep/simulate.h"
#include "sweep/stopping.h"
#include "sweep/texts.h"
#include "sweep/unit_harvest.h"
#include "sweep/unit_run.h"
#include "sweep/units.h"
#include "sweep/work_left.h"
#include "text/tokenizer.h"
#include "train/checkpoint.h"

namespace saesweep::sweep {

namespace {

//! Between two lines of a rank's progress in its log.
constexpr double kLogEvery = 10;
constexpr auto kJudgePause = std::chrono::milliseconds(50);

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

//! Told apart in logs: host, process and the time of the start.
std::string new_run_id() {
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  return fmt::format("{}-{}-{}", host, ::getpid(), std::time(nullptr));
}

class Run {
 public:
  Run(const SweepOptions& options, const RunSettings& settings, const StopSignals& signals, const mpi::Comm& comm)
      : options_(options),
        settings_(settings),
        signals_(signals),
        comm_(comm),
        folders_(options.output, settings.shard),
        device_(rank_device(options.run, comm)) {}

  RunSummary go();

 private:
  void prepare();
  void choose_cells();
  std::vector<Cell> of_shard(const std::vector<Cell>& cells) const;
  void take_output();
  void find_work();
  void calibrate_costs();
  void load_tokenizers();
  void open_results();
  std::vector<results::Vocabulary> vocabularies() const;
  bool has_vocabularies(const std::vector<results::Vocabulary>& words) const;
  std::vector<Cell> cells_left() const;
  void start_log();
  void work();
  std::vector<UnitCost> unit_costs();
  void work_on(const Assignment& assignment, const UnitContext& context);
  //! Until few enough cells wait for the judge that the device may bring more.
  void wait_for_judge(const std::function<void()>& idle, Stopping& stopping);
  void note_stop(Stopping& stopping, const Scoring::Report& report);
  void note_progress(const ProgressMessage& message);
  void log_progress() const;
  void log_time_left(const ProgressBoard& board);
  void check_harvest() const;
  //! Which of vocabularies() names the cell's token ids.
  int64_t vocabulary_of(const Cell& cell) const;
  const text::Tokenizer& tokenizer_of(const Cell& cell) const;
  RunSummary summary() const;

  const SweepOptions& options_;
  const RunSettings& settings_;
  const StopSignals& signals_;
  const mpi::Comm& comm_;
  OutputFolders folders_;
  at::Device device_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();

  ResolvedInputs inputs_;
  //! What other cells the sweep has, where this job is a shard of it.
  std::vector<results::GridEntry> grid_;
  //! This job's.
  std::vector<Cell> cells_;
  //! Rows of the results file that this run works on, and their cells.
  std::vector<uint64_t> rows_;
  std::vector<results::Stage> stages_;
  std::vector<Cell> to_do_;
  //! The same as what is left of them: their costs.
  std::vector<Cell> left_;
  std::vector<Unit> units_;
  std::vector<CellWork> cell_work_;
  int64_t n_done_before_ = 0;
  //! By the hash of their files.
  std::map<std::string, text::Tokenizer> tokenizers_;
  //! Of their vocabularies in the results file; -1 where it has none, since nothing is scored.
  std::map<std::string, int64_t> vocabulary_places_;
  RowPlan row_plan_;
  OutputLease lease_;
  EventLog log_;
  std::optional<Texts> texts_;
  std::optional<results::ResultsWriter> results_;
  std::optional<Scoring> scoring_;
  //! As counted, and as the cells that are done let expect.
  std::optional<CostModel> cost_, predicted_cost_;
  PredictionAndFact prediction_;
  //! Of this rank, for its log: what it is at, and what it has done.
  std::vector<std::string> at_work_;
  int64_t step_ = 0, n_steps_ = 0;
  ProgressMessage done_;
  Stopwatch since_progress_;
  //! Of all ranks; on the root alone, whose manager's thread it is for, since the rank itself may wait.
  std::optional<Stopwatch> since_time_left_;
  bool told_stop_ = false;
  //! The signal, or who was asked; "" where this run was not stopped.
  std::string stop_reason_;
};

void Run::prepare() {
  inputs_ = inputs_from_text(on_root(comm_, [&] { return to_text(resolve_models(options_)); }));
  cells_ = expand(options_, inputs_);  // what is wrong with the grid is said before any text is read
  // The same division on all ranks: by the memory of the poorest.
  const uint64_t memory = memory_of_ranks(options_.run, device_, comm_);
  cost_.emplace(options_, inputs_);
  check_memory(options_, cells_, *cost_, memory);
  take_output();
  start_log();
  texts_.emplace(options_, inputs_, comm_, settings_.progress, [this] { return signals_.is_set(); });
  inputs_.train_text_hash = texts_->any().text_hash(text::Split::kTrain);
  inputs_.held_out_text_hash = texts_->any().text_hash(text::Split::kHeldOut);
  choose_cells();
  load_tokenizers();
  check_harvest();
  find_work();
  calibrate_costs();
  if (options_.autointerp.is_wanted) {
    on_all(comm_, [&](int64_t&) { scoring_.emplace(options_, folders_, comm_, *results_, tokenizers_, log_); });
  }
  left_ = cells_left();
  units_ = make_units(left_, options_.run, *predicted_cost_, memory);
  cell_work_ = cell_work(to_do_, left_, stages_, units_, *predicted_cost_);
}

void Run::choose_cells() {
  const std::vector<Cell> all = expand(options_, inputs_);
  grid_ = grid_of(all);
  cells_ = of_shard(all);
}

//! Of the sweep's cells those of this job's shard.
std::vector<Cell> Run::of_shard(const std::vector<Cell>& cells) const {
  if (settings_.shard.is_whole()) return cells;
  const std::vector<int> shards = shard_of_cells(cells, *cost_, settings_.shard.count);
  std::vector<Cell> own;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (shards[i] == settings_.shard.index) own.push_back(cells[i]);
  }
  return own;
}

void Run::take_output() {
  const auto check = [this] {
    require_sweep(folders_.results(), options_.name, "sweep");
    if (!std::filesystem::exists(folders_.results()))
      check_space(folders_.root(), output_bytes(of_shard(cells_), options_));
  };
  claim_output(lease_, folders_, settings_, signals_, check, comm_);
}

void Run::start_log() {
  const std::string id = comm_.broadcast(new_run_id());
  on_all(comm_, [&](int64_t&) {
    log_ =
        EventLog(folders_.logs() / fmt::format("rank-{}.jsonl", comm_.rank()), {{"run", id}, {"rank", comm_.rank()}});
  });
  const char* job = std::getenv("SLURM_JOB_ID");
  log_.write("start", {{"ranks", comm_.size()},
                       {"machine", machine_line(device_)},
                       {"pid", ::getpid()},
                       {"job", job != nullptr ? job : ""},
                       {"device", device_.str()},
                       {"threads", options_.run.threads},
                       {"shard", settings_.shard.text()}});
}

void Run::load_tokenizers() {
  on_all(comm_, [&](int64_t&) {
    for (const auto& [path, model] : inputs_.models) {
      tokenizers_.emplace(model.tokenizer_hash, text::Tokenizer::load(model.tokenizer));
    }
  });
}

//! Evaluation and harvest read disjoint samples of the held-out text.
void Run::check_harvest() const {
  if (!options_.autointerp.is_wanted) return;
  for (const auto& [path, model] : inputs_.models) {
    const text::TokenRows& rows = texts_->of(model.tokenizer_hash).rows(text::Split::kHeldOut);
    if (harvest_rows(options_, rows).n > 0) continue;
    throw ConfigError(
        options_.place_of("evaluate.tokens"),
        fmt::format("evaluate.tokens: {} take all {} held-out tokens, and none are left to harvest; lower "
                    "evaluate.tokens, or hold out more text",
                    options_.evaluate.tokens, rows.n_rows() * rows.context_length()));
  }
}

void Run::find_work() {
  row_plan_ = plan_rows_alike(folders_, cells_, options_, grid_, comm_);
  if (comm_.is_root()) {
    for (const std::string& warning : row_plan_.warnings) fmt::print(stderr, "saesweep: {}\n", warning);
  }
  open_results();
  // What was carried over is read back: another job may have written its file meanwhile.
  on_all(comm_, [&](int64_t&) {
    const RowPlan now = plan_rows(folders_.results(), {}, cells_, options_, grid_);
    std::tie(row_plan_.states, row_plan_.stages, row_plan_.places) = std::tie(now.states, now.stages, now.places);
  });
  for (size_t i = 0; i < cells_.size(); ++i) {
    const results::State state = row_plan_.states[i];
    const bool done = state == results::State::kDone;
    n_done_before_ += done ? 1 : 0;
    if (done || (state == results::State::kFailed && !settings_.retry_failed)) continue;
    rows_.push_back(row_plan_.places[i]);
    stages_.push_back(row_plan_.stages[i]);
    to_do_.push_back(cells_[i]);
  }
  const bool is_quiet = !comm_.is_root() || settings_.progress == ProgressLine::Mode::kNone;
  if (!is_quiet) fmt::print(stderr, "{}", kept_text(static_cast<int64_t>(cells_.size()), n_done_before_, stages_));
}

//! By what cells of this output took, whoever ran them.
void Run::calibrate_costs() {
  Calibration found;
  if (comm_.is_root()) found = calibrate(row_plan_.sources);
  StageFactors factors = found.factors;
  for (double* factor : {&factors.train, &factors.evaluate, &factors.harvest}) *factor = comm_.broadcast(*factor);
  prediction_.n_cells_known = found.n_cells;
  predicted_cost_ = cost_->with_factors(factors);
}

//! The cells to do as what is left of them.
std::vector<Cell> Run::cells_left() const {
  std::vector<std::filesystem::path> checkpoints{folders_.checkpoints()};
  for (const std::filesystem::path& folder : folders_.others()) checkpoints.push_back(folder / "checkpoints");
  const std::string text = on_root(comm_, [&] { return Json(checkpointed_steps(checkpoints, to_do_)).dump(); });
  const std::vector<int64_t> steps = Json::parse(text);
  std::vector<Cell> left = to_do_;
  for (size_t i = 0; i < left.size(); ++i) {
    const int64_t trained =
        stages_[i] >= results::Stage::kTrained ? left[i].tokens : steps[i] * options_.train.batch_tokens;
    left[i].tokens -= std::min(left[i].tokens, trained);
  }
  return left;
}

void Run::open_results() {
  const std::vector<results::Vocabulary> words = vocabularies();
  if (row_plan_.is_current && has_vocabularies(words)) {
    results_.emplace(results::ResultsWriter::open(folders_.results(), comm_));
    on_all(comm_, [&](int64_t&) {
      for (const uint64_t row : row_plan_.unmarked) {
        if (comm_.is_root()) results_->set_state(row, results::State::kDone);
      }
    });
  } else {
    results::Shape shape = row_plan_.shape;
    shape.n_vocabularies = words.size();
    shape.n_tokens = 0;
    for (const results::Vocabulary& one : words) shape.n_tokens = std::max<uint64_t>(shape.n_tokens, one.size());
    results::RootInfo info = root_info(options_, settings_.version, device_, texts_->any());
    info.shard = settings_.shard.text();
    results_.emplace(results::ResultsWriter::recreate(folders_.results(), comm_, shape, row_plan_.rows, info,
                                                      last_stage(options_), words, grid_, row_plan_.sources));
  }
  on_all(comm_, [&](int64_t&) {
    const std::vector<int64_t> places =
        results::ResultsReader(folders_.results()).places_of(vocabularies_of(tokenizers_));
    for (size_t i = 0; const auto& [hash, tokenizer] : tokenizers_) vocabulary_places_[hash] = places[i++];
  });
}

//! Of the sweep's tokenizers, then others that rows name which are carried over; none where nothing is scored.
std::vector<results::Vocabulary> Run::vocabularies() const {
  if (row_plan_.shape.n_latents == 0) return {};
  std::vector<results::Vocabulary> words = vocabularies_of(tokenizers_);
  on_all(comm_, [&](int64_t&) {
    for (const std::filesystem::path& source : row_plan_.sources)
      results::ResultsReader(source).add_vocabularies(words);
  });
  return words;
}

bool Run::has_vocabularies(const std::vector<results::Vocabulary>& words) const {
  bool has_all = true;
  on_all(comm_, [&](int64_t&) {
    const std::vector<int64_t> places = results::ResultsReader(folders_.results()).places_of(words);
    has_all = std::ranges::count(places, -1) == 0;
  });
  return comm_.all(has_all);
}

void Run::work() {
  double seconds = 0;
  for (const CellWork& one : cell_work_) seconds += one.left();
  ProgressBoard board(comm_.is_root() ? settings_.progress : ProgressLine::Mode::kNone,
                      static_cast<int64_t>(cells_.size()), n_done_before_, seconds, n_requests(to_do_, options_));
  if (comm_.is_root()) log_time_left(board);
  tell_places(device_, options_.run.threads, settings_.progress != ProgressLine::Mode::kNone, log_, comm_);
  Scheduler scheduler(unit_costs(), comm_.size(), options_.run.cells_per_unit == 0);
  const Stopwatch watch;
  const auto answer = [&](int rank) -> mpi::WorkAnswer {
    const Scheduler::Reply reply = scheduler.next(rank, now_seconds());
    if (reply.answer == Scheduler::Answer::kWait) return {.kind = mpi::WorkAnswer::Kind::kWait};
    if (reply.answer == Scheduler::Answer::kNoMore) return {};
    const Assignment& work = reply.work;
    return {mpi::WorkAnswer::Kind::kItem,
            {static_cast<int64_t>(work.unit), static_cast<int64_t>(work.first), static_cast<int64_t>(work.last),
             static_cast<int64_t>(work.seconds * 1000)}};
  };
  mpi::WorkQueue queue(comm_, answer, [&](int rank, std::span<const std::byte> message) {
    board.take(rank, ProgressMessage::decode(message));
    log_time_left(board);
  });
  Stopping stopping(signals_, queue, options_.run.grace_seconds);
  Checkpointing checkpoints(options_, folders_, log_);
  const auto report = [&](const ProgressMessage& message) {
    note_progress(message);
    queue.report(message.encode());
  };
  // The thread that writes results is this one, also what the judge brought meanwhile.
  const auto idle = [&] {
    if (scoring_) scoring_->write_finished(report);
    note_stop(stopping, report);
    note_progress({});
  };
  const UnitContext context{
      .options = options_,
      .text_of = [&](const Cell& cell) -> const text::TokenizedText& {
        return texts_->of(inputs_.models.at(cell.model_path).tokenizer_hash);
      },
      .tokenizer_of = [&](const Cell& cell) -> const text::Tokenizer& { return tokenizer_of(cell); },
      .results = *results_,
      .report =
          [&](const ProgressMessage& message) {
            report(message);
            idle();
          },
      .score =
          [&](const Cell& cell, uint64_t row) {
            scoring_->add(row, cell.id, inputs_.models.at(cell.model_path).tokenizer_hash,
                          harvest_path(options_, cell));
          },
      .cost = *cost_,
      .checkpoints = checkpoints,
      .log = log_,
      .is_stopped = [&] { return stopping.is_wanted(); },
      .seconds_left = [&] { return stopping.seconds_left(); },
      .at_step = [&](int64_t step, int64_t n_steps) { std::tie(step_, n_steps_) = std::pair(step, n_steps); },
      .device = device_};
  while (!stopping.is_wanted()) {
    const auto next = queue.next(idle);
    if (!next) break;
    const std::vector<int64_t>& item = *next;
    work_on({static_cast<size_t>(item[0]), static_cast<size_t>(item[1]), static_cast<size_t>(item[2]),
             static_cast<double>(item[3]) / 1000},
            context);
    wait_for_judge(idle, stopping);
  }
  const double device_seconds = watch.seconds();
  if (scoring_) {
    scoring_->finish(report, [&] {
      note_progress({});
      note_stop(stopping, report);
      return stopping.is_wanted();
    });
  }
  idle();
  log_progress();
  if (stopping.is_wanted()) stop_reason_ = stopping.signal().empty() ? "another rank" : stopping.signal();
  queue.finish();
  board.finish();
  prediction_.seconds = comm_.max(device_seconds);
  prediction_.judge_seconds = comm_.max(watch.seconds()) - prediction_.seconds;
  prediction_.has_device_work = comm_.sum(done_.trained_tokens + done_.evaluated_tokens) > 0;
  if (scoring_) prediction_.requests = comm_.sum(scoring_->n_answered());
}

//! Of units_; on the root also what they come to.
std::vector<UnitCost> Run::unit_costs() {
  std::vector<UnitCost> costs;
  for (const Unit& unit : units_) costs.push_back(unit_cost(unit, left_, *predicted_cost_, stages_));
  if (comm_.is_root()) {
    const std::vector<double> speeds(static_cast<size_t>(comm_.size()), 1.0);
    prediction_.predicted_seconds = simulate(costs, speeds, options_.run.cells_per_unit == 0).makespan;
    prediction_.predicted_requests = n_requests(to_do_, options_);
  }
  return costs;
}

void Run::wait_for_judge(const std::function<void()>& idle, Stopping& stopping) {
  while (scoring_ && scoring_->is_behind() && !stopping.is_wanted()) {
    idle();
    std::this_thread::sleep_for(kJudgePause);
  }
}

//! Says once, for people, that the run was asked to stop.
void Run::note_stop(Stopping& stopping, const Scoring::Report& report) {
  if (told_stop_ || !stopping.is_wanted() || stopping.signal().empty()) return;
  told_stop_ = true;
  log_.write("stop", {{"reason", stopping.signal()}});
  report({.note = fmt::format("asked to stop ({}): saving what is trained; a second signal ends the run at once",
                              stopping.signal())});
}

//! Every ten seconds, a line in this rank's log.
void Run::note_progress(const ProgressMessage& message) {
  done_.trained_tokens += message.trained_tokens;
  done_.evaluated_tokens += message.evaluated_tokens;
  if (since_progress_.seconds() < kLogEvery) return;
  since_progress_ = {};
  log_progress();
}

void Run::log_progress() const {
  Json line = {{"cells", at_work_.size()},
               {"step", step_},
               {"steps", n_steps_},
               {"trained_tokens", done_.trained_tokens},
               {"evaluated_tokens", done_.evaluated_tokens}};
  if (scoring_) line["judge"] = scoring_->usage();
  log_.write("progress", line);
}

//! Every ten seconds, once it is known.
void Run::log_time_left(const ProgressBoard& board) {
  const std::optional<double> seconds = board.seconds_left();
  if (!seconds || (since_time_left_ && since_time_left_->seconds() < kLogEvery)) return;
  since_time_left_.emplace();
  log_.write("time_left", {{"seconds", *seconds}});
}

int64_t Run::vocabulary_of(const Cell& cell) const {
  return vocabulary_places_.at(inputs_.models.at(cell.model_path).tokenizer_hash);
}

const text::Tokenizer& Run::tokenizer_of(const Cell& cell) const {
  return tokenizers_.at(inputs_.models.at(cell.model_path).tokenizer_hash);
}

void Run::work_on(const Assignment& assignment, const UnitContext& context) {
  const std::vector<size_t>& numbers = units_[assignment.unit].cells;
  std::vector<UnitCell> cells;
  double work = 0;
  at_work_.clear();
  step_ = n_steps_ = 0;
  for (size_t place = assignment.first; place < assignment.last; ++place) {
    const size_t i = numbers[place];
    cells.push_back({&to_do_[i], rows_[i], stages_[i], cell_work_[i]});
    work += cell_work_[i].left();
    at_work_.push_back(to_do_[i].id);
    if (options_.autointerp.is_wanted) results_->write(rows_[i], "vocabulary", vocabulary_of(to_do_[i]));
    if (stages_[i] >= results::Stage::kTrained) continue;
    results_->write(rows_[i], "d_in", to_do_[i].d_in);
    results_->write(rows_[i], "n_latents", to_do_[i].n_latents);
    results_->write(rows_[i], "rank", int64_t{comm_.rank()});
    results_->write(rows_[i], "host", std::string_view(machine_line(device_)));
  }
  context.report({.work_begun = work});
  const Stopwatch watch;
  log_.write("unit", {{"cells", at_work_}, {"predicted_seconds", assignment.seconds}});
  run_unit(cells, context);
  log_.write("unit_end", {{"cells", at_work_},
                          {"seconds", watch.seconds()},
                          {"predicted_seconds", assignment.seconds},
                          {"stopped", context.is_stopped()}});
  at_work_.clear();
  log_progress();
}

RunSummary Run::summary() const {
  RunSummary summary{.n_cells = static_cast<int64_t>(cells_.size()), .n_done_before = n_done_before_};
  const std::string counts = on_root(comm_, [&] {
    int64_t done = 0, failed = 0;
    for (const results::State state : plan_rows(folders_.results(), {}, cells_, options_, grid_).states) {
      done += state == results::State::kDone ? 1 : 0;
      failed += state == results::State::kFailed ? 1 : 0;
    }
    return Json{done, failed}.dump();
  });
  const Json numbers = Json::parse(counts);
  summary.n_done = numbers[0];
  summary.n_failed = numbers[1];
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  summary.results = folders_.results();
  if (scoring_) std::tie(summary.stopped, summary.stopped_code) = scoring_->stopped();
  for (const std::string& reason : comm_.all_gather(stop_reason_)) {
    if (reason.empty()) continue;
    summary.stopped = fmt::format("stopped by {}; the same command goes on", reason);
    summary.stopped_code = ExitCode::kStopped;
    if (reason.starts_with("SIG")) break;
  }
  summary.prediction = prediction_;
  if (comm_.is_root()) summary.prediction.calibration = calibrate({&summary.results, 1});
  log_.write("prediction", {{"predicted_seconds", prediction_.predicted_seconds},
                            {"seconds", prediction_.seconds},
                            {"cells_known", prediction_.n_cells_known},
                            {"judge_seconds", prediction_.judge_seconds},
                            {"predicted_requests", prediction_.predicted_requests},
                            {"requests", prediction_.requests}});
  log_.write("end", {{"done", summary.n_done}, {"failed", summary.n_failed}, {"stopped", summary.stopped}});
  return summary;
}

RunSummary Run::go() {
  try {
    prepare();
  } catch (const StoppedError& stop) {
    log_.write("end", {{"done", 0}, {"failed", 0}, {"stopped", stop.what()}});
    throw;
  } catch (const std::exception& error) {
    log_.write("error", {{"reason", error.what()}});
    throw;
  }
  try {
    if (!to_do_.empty()) work();
    results_->close();
  } catch (const std::exception& error) {
    const auto* known = dynamic_cast<const Error*>(&error);
    fmt::print(stderr, "saesweep: error: rank {}: {}\n", comm_.rank(), error.what());
    log_.write("error", {{"reason", error.what()}});
    comm_.abort(static_cast<int>(known != nullptr ? known->exit_code() : ExitCode::kInternal));
  }
  return summary();
}

}  // namespace

RunSummary run_sweep(const SweepOptions& options, const RunSettings& settings, const StopSignals& signals,
                     const mpi::Comm& comm) {
  model::set_threads(options.run.threads);
  SweepOptions placed = options;
  placed.run.device = device_kind(options, comm.all(model::n_cuda_devices() > 0));
  return Run(placed, settings, signals, comm).go();
}

}  // namespace saesweep::sweep
