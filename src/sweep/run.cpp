#include "sweep/run.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "autointerp/request_counts.h"
#include "base/errors.h"
#include "base/files.h"
#include "base/json.h"
#include "base/lease.h"
#include "base/utf8.h"
#include "model/compute.h"
#include "mpi/work_queue.h"
#include "results/writer.h"
#include "sweep/agreement.h"
#include "sweep/device.h"
#include "sweep/expand.h"
#include "sweep/inputs.h"
#include "sweep/inputs_text.h"
#include "sweep/output.h"
#include "sweep/scoring.h"
#include "sweep/texts.h"
#include "sweep/unit_harvest.h"
#include "sweep/unit_run.h"
#include "sweep/units.h"
#include "text/tokenizer.h"

namespace saesweep::sweep {

namespace {

std::string host_line() {
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (line.starts_with("model name")) return fmt::format("{}, {}", host, line.substr(line.find(':') + 2));
  }
  return host;
}

//! Host, processor and, where one is used, device.
std::string machine_line(at::Device device) {
  const std::string name = model::device_name(device);
  return name.empty() ? host_line() : fmt::format("{}, {}", host_line(), name);
}

//! The prompts that the sweep's scorers use.
std::map<std::string, std::string> prompts_of(const SweepOptions& options) {
  const autointerp::AutointerpOptions& scoring = options.autointerp;
  std::map<std::string, std::string> prompts;
  if (!scoring.is_wanted) return prompts;
  prompts["explanation"] = scoring.prompts.explanation.source_text;
  for (const std::string& scorer : scoring.scorers) {
    const bool by_prompt = options.judge.prompt_logprobs != "none";
    prompts[scorer] = scorer == "fuzzing"     ? scoring.prompts.fuzzing.source_text
                      : scorer == "detection" ? scoring.prompts.detection.source_text
                      : by_prompt             ? scoring.prompts.simulation_prompt.source_text
                                              : scoring.prompts.simulation.source_text;
  }
  return prompts;
}

results::RootInfo root_info(const SweepOptions& options, at::Device device, const text::TokenizedText& text) {
  return {.sweep_name = options.name,
          .sweep = options.resolved,
          .software = {{"saesweep", SAESWEEP_VERSION},
                       {"libtorch", model::libtorch_version()},
                       {"hdf5", results::storage_version()},
                       {"mpi", mpi::library_version()}},
          .machine = machine_line(device),
          .created = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))),
          .n_bad_lines = static_cast<int64_t>(text.n_bad_lines()),
          .prompts = prompts_of(options)};
}

class Run {
 public:
  Run(const SweepOptions& options, const RunSettings& settings, const mpi::Comm& comm)
      : options_(options),
        settings_(settings),
        comm_(comm),
        results_path_(options.output / "results.h5"),
        device_(rank_device(options.run, comm)) {}

  RunSummary go();

 private:
  void prepare();
  void take_output();
  void find_work();
  void load_tokenizers();
  void open_results();
  void work();
  void work_on(const Unit& unit, const UnitContext& context);
  ProgressBoard board() const;
  int64_t n_requests() const;
  void check_harvest() const;
  std::vector<results::Vocabulary> vocabularies() const;
  //! Which of vocabularies() names the cell's token ids.
  int64_t vocabulary_of(const Cell& cell) const;
  const text::Tokenizer& tokenizer_of(const Cell& cell) const;
  RunSummary summary() const;

  const SweepOptions& options_;
  const RunSettings& settings_;
  const mpi::Comm& comm_;
  std::filesystem::path results_path_;
  at::Device device_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();

  ResolvedInputs inputs_;
  std::vector<Cell> cells_;
  //! Rows of the results file that this run works on, and their cells.
  std::vector<uint64_t> rows_;
  std::vector<results::Stage> stages_;
  std::vector<Cell> to_do_;
  std::vector<Unit> units_;
  int64_t n_done_before_ = 0;
  //! By the hash of their files.
  std::map<std::string, text::Tokenizer> tokenizers_;
  RowPlan row_plan_;
  std::optional<Lease> lease_;
  std::optional<Texts> texts_;
  std::optional<results::ResultsWriter> results_;
  std::optional<Scoring> scoring_;
};

void Run::prepare() {
  inputs_ = inputs_from_text(on_root(comm_, [&] { return to_text(resolve_models(options_)); }));
  cells_ = expand(options_, inputs_);  // what is wrong with the grid is said before any text is read
  // The same division on all ranks: by the memory of the poorest. What a CUDA device has is for the user to say.
  const bool is_known = device_.is_cpu() || options_.run.memory_gb > 0;
  const uint64_t memory =
      is_known ? comm_.min(rank_memory(options_.run, comm_.node_local().size())) : std::numeric_limits<uint64_t>::max();
  check_memory(options_, cells_, CostModel(options_, inputs_), memory);
  take_output();
  texts_.emplace(options_, inputs_, comm_, settings_.progress);
  inputs_.train_text_hash = texts_->any().text_hash(text::Split::kTrain);
  inputs_.held_out_text_hash = texts_->any().text_hash(text::Split::kHeldOut);
  cells_ = expand(options_, inputs_);
  load_tokenizers();
  check_harvest();
  find_work();
  open_results();
  if (options_.autointerp.is_wanted) {
    on_all(comm_, [&](int64_t&) { scoring_.emplace(options_, comm_, *results_, tokenizers_); });
  }
  units_ = make_units(to_do_, comm_.size(), options_.run, CostModel(options_, inputs_), memory);
}

void Run::take_output() {
  on_root(comm_, [&] {
    if (settings_.fresh) {
      if (std::filesystem::exists(options_.output)) lease_.emplace(options_.output);
      move_aside(options_.output);
    }
    require_sweep(results_path_, options_);
    if (!std::filesystem::exists(results_path_)) check_space(options_.output, output_bytes(cells_, options_));
    make_writable_folder(options_.output);
    if (!lease_ || settings_.fresh) lease_.emplace(options_.output);
    return "";
  });
}

void Run::load_tokenizers() {
  for (const auto& [path, model] : inputs_.models) {
    tokenizers_.emplace(model.tokenizer_hash, text::Tokenizer::load(model.tokenizer));
  }
}

//! Evaluation and harvest read disjoint samples of the held-out text.
void Run::check_harvest() const {
  if (!options_.autointerp.is_wanted) return;
  for (const auto& [path, model] : inputs_.models) {
    const text::TokenRows& rows = texts_->of(model.tokenizer_hash).rows(text::Split::kHeldOut);
    if (harvest_rows(options_, rows).n > 0) continue;
    throw ConfigError(
        options_.source,
        fmt::format("evaluate.tokens: {} take all {} held-out tokens, and none are left to harvest; lower "
                    "evaluate.tokens, or hold out more text",
                    options_.evaluate.tokens, rows.n_rows() * rows.context_length()));
  }
}

void Run::find_work() {
  // Every rank reads the same file, which no one writes yet.
  on_all(comm_, [&](int64_t&) { row_plan_ = plan_rows(results_path_, cells_, options_); });
  for (size_t i = 0; i < cells_.size(); ++i) {
    const results::State state = row_plan_.states[i];
    const bool done = state == results::State::kDone;
    n_done_before_ += done ? 1 : 0;
    if (done || (state == results::State::kFailed && !settings_.retry_failed)) continue;
    rows_.push_back(row_plan_.places[i]);
    stages_.push_back(row_plan_.stages[i]);
    to_do_.push_back(cells_[i]);
  }
}

void Run::open_results() {
  if (row_plan_.is_current) {
    results_.emplace(results::ResultsWriter::open(results_path_, comm_));
    for (const uint64_t row : row_plan_.unmarked) {
      if (comm_.is_root()) results_->set_state(row, results::State::kDone);
    }
    return;
  }
  const std::vector<results::Vocabulary> words = vocabularies();
  results::Shape shape = row_plan_.shape;
  shape.n_vocabularies = words.size();
  shape.n_tokens = 0;
  for (const results::Vocabulary& one : words) shape.n_tokens = std::max<uint64_t>(shape.n_tokens, one.size());
  const results::RootInfo info = root_info(options_, device_, texts_->any());
  results_.emplace(row_plan_.has_file
                       ? results::ResultsWriter::recreate(results_path_, comm_, shape, row_plan_.rows, info,
                                                          last_stage(options_), words)
                       : results::ResultsWriter::create(results_path_, comm_, shape, row_plan_.rows, info, words));
}

//! The tokens of each tokenizer, where windows are stored.
std::vector<results::Vocabulary> Run::vocabularies() const {
  std::vector<results::Vocabulary> words;
  if (row_plan_.shape.n_latents == 0) return words;
  for (const auto& [hash, tokenizer] : tokenizers_) {
    words.emplace_back();
    for (uint32_t id = 0; id < tokenizer.vocab_size(); ++id)
      words.back().push_back(valid_utf8(token_bytes(tokenizer, id)));
  }
  return words;
}

ProgressBoard Run::board() const {
  int64_t trained = 0, evaluated = 0;
  for (const Cell& cell : to_do_) {
    const std::string& tokenizer = inputs_.models.at(cell.model_path).tokenizer_hash;
    trained += cell.tokens / options_.train.batch_tokens * options_.train.batch_tokens;
    for (const text::Split split : {text::Split::kTrain, text::Split::kHeldOut}) {
      const text::TokenRows& rows = texts_->of(tokenizer).rows(split);
      evaluated += rows_for(options_.evaluate.tokens, rows) * options_.text.context_length;
      const bool is_harvested = options_.autointerp.is_wanted && split == text::Split::kHeldOut;
      if (is_harvested) evaluated += harvest_rows(options_, rows).n * options_.text.context_length;
    }
  }
  return {comm_.is_root() ? settings_.progress : ProgressLine::Mode::kNone,
          static_cast<int64_t>(cells_.size()),
          n_done_before_,
          trained,
          evaluated,
          n_requests()};
}

//! To the judge, where enough latents of each cell qualify.
int64_t Run::n_requests() const {
  int64_t n = 0;
  if (!options_.autointerp.is_wanted) return n;
  const bool by_prompt = options_.judge.prompt_logprobs != "none";
  for (const Cell& cell : to_do_) {
    for (const auto& count : autointerp::request_counts(options_.autointerp, by_prompt, cell.n_latents)) {
      n += count.n_requests;
    }
  }
  return n;
}

void Run::work() {
  ProgressBoard progress = board();
  mpi::WorkQueue queue(comm_, static_cast<int64_t>(units_.size()), [&](int, std::span<const std::byte> message) {
    progress.take(ProgressMessage::decode(message));
  });
  const auto text_of = [&](const Cell& cell) -> const text::TokenizedText& {
    return texts_->of(inputs_.models.at(cell.model_path).tokenizer_hash);
  };
  const auto report = [&](const ProgressMessage& message) { queue.report(message.encode()); };
  const UnitContext context{
      .options = options_,
      .text_of = text_of,
      .tokenizer_of = [&](const Cell& cell) -> const text::Tokenizer& { return tokenizer_of(cell); },
      .results = *results_,
      // The thread that writes results is this one, also what the judge brought meanwhile.
      .report =
          [&](const ProgressMessage& message) {
            report(message);
            if (scoring_) scoring_->write_finished(report);
          },
      .score =
          [&](const Cell& cell, uint64_t row) {
            scoring_->add(row, inputs_.models.at(cell.model_path).tokenizer_hash, harvest_path(options_, cell));
          },
      .device = device_};
  while (const std::optional<int64_t> next = queue.next()) work_on(units_[static_cast<size_t>(*next)], context);
  if (scoring_) scoring_->finish(report);
  queue.finish();
  progress.finish();
}

int64_t Run::vocabulary_of(const Cell& cell) const {
  return std::distance(tokenizers_.begin(), tokenizers_.find(inputs_.models.at(cell.model_path).tokenizer_hash));
}

const text::Tokenizer& Run::tokenizer_of(const Cell& cell) const {
  return tokenizers_.at(inputs_.models.at(cell.model_path).tokenizer_hash);
}

void Run::work_on(const Unit& unit, const UnitContext& context) {
  std::vector<UnitCell> cells;
  for (const size_t i : unit.cells) {
    cells.push_back({&to_do_[i], rows_[i], stages_[i]});
    if (options_.autointerp.is_wanted) results_->write(rows_[i], "vocabulary", vocabulary_of(to_do_[i]));
    if (stages_[i] >= results::Stage::kTrained) continue;
    results_->write(rows_[i], "d_in", to_do_[i].d_in);
    results_->write(rows_[i], "n_latents", to_do_[i].n_latents);
    results_->write(rows_[i], "rank", int64_t{comm_.rank()});
    results_->write(rows_[i], "host", std::string_view(machine_line(device_)));
  }
  run_unit(cells, context);
}

RunSummary Run::summary() const {
  RunSummary summary{.n_cells = static_cast<int64_t>(cells_.size()), .n_done_before = n_done_before_};
  const std::string counts = on_root(comm_, [&] {
    int64_t done = 0, failed = 0;
    for (const results::State state : plan_rows(results_path_, cells_, options_).states) {
      done += state == results::State::kDone ? 1 : 0;
      failed += state == results::State::kFailed ? 1 : 0;
    }
    return Json{done, failed}.dump();
  });
  const Json numbers = Json::parse(counts);
  summary.n_done = numbers[0];
  summary.n_failed = numbers[1];
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  summary.results = results_path_;
  if (scoring_) std::tie(summary.stopped, summary.stopped_code) = scoring_->stopped();
  return summary;
}

RunSummary Run::go() {
  prepare();
  try {
    if (!to_do_.empty()) work();
  } catch (const std::exception& error) {
    const auto* known = dynamic_cast<const Error*>(&error);
    fmt::print(stderr, "saesweep: error: rank {}: {}\n", comm_.rank(), error.what());
    comm_.abort(static_cast<int>(known != nullptr ? known->exit_code() : ExitCode::kInternal));
  }
  results_->close();
  return summary();
}

}  // namespace

RunSummary run_sweep(const SweepOptions& options, const RunSettings& settings, const mpi::Comm& comm) {
  model::set_threads(options.run.threads);
  SweepOptions placed = options;
  placed.run.device = device_kind(options, comm.all(model::n_cuda_devices() > 0));
  return Run(placed, settings, comm).go();
}

}  // namespace saesweep::sweep
