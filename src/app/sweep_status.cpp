#include "app/sweep_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/errors.h"
#include "base/lease.h"
#include "results/origins.h"
#include "results/reader.h"
#include "sweep/output_folders.h"

namespace saesweep::app {
namespace {

using results::CellStatus;
using results::Stage;
using results::State;

constexpr const char* kResults = "results.h5";

//! A job, and what its file of results holds.
struct Source {
  JobStatus job;
  results::RootInfo info = {};
  std::vector<results::GridEntry> grid = {};
  std::vector<CellStatus> cells = {};
  std::vector<double> tokens_trained = {}, train_seconds = {}, evaluate_seconds = {}, harvest_seconds = {};
};

//! Where to look.
struct Place {
  //! Folders of jobs.
  std::vector<std::filesystem::path> folders;
  //! Or one file that is none of a job.
  std::filesystem::path file;
  bool is_one_job = false;
};

bool is_shard_folder(const std::filesystem::path& folder) {
  const std::filesystem::path name = folder.filename();
  return folder.parent_path().filename() == "shards" && name.string().find("-of-") != std::string::npos;
}

//! "2/8" of "shards/2-of-8".
std::string shard_of(const std::filesystem::path& folder) {
  if (!is_shard_folder(folder)) return "";
  std::string name = folder.filename();
  return name.replace(name.find("-of-"), 4, "/");
}

//! Without "." and a slash at the end.
std::filesystem::path cleaned(const std::filesystem::path& path) {
  const std::filesystem::path whole = std::filesystem::absolute(path).lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

Place place_of(const std::filesystem::path& output) {
  const std::filesystem::path path = cleaned(output);
  const bool is_folder = std::filesystem::is_directory(path);
  if (!is_folder && !std::filesystem::is_regular_file(path)) {
    throw OutputError(output.string(), "no such file or folder; expected an output folder or results.h5");
  }
  if (!is_folder && path.filename() != kResults) return {.folders = {}, .file = path, .is_one_job = true};
  const std::filesystem::path folder = is_folder ? path : path.parent_path();
  if (is_shard_folder(folder)) return {.folders = {folder}, .file = {}, .is_one_job = true};
  Place place{.folders = {folder}, .file = {}};
  for (const std::filesystem::path& shard : sweep::OutputFolders(folder, {}).others()) place.folders.push_back(shard);
  return place;
}

void read_results(const std::filesystem::path& file, Source& source) {
  const results::ResultsReader reader(file);
  source.info = reader.info();
  source.grid = reader.grid();
  source.cells = reader.cells();
  source.tokens_trained = reader.numbers("/cells/tokens_trained");
  source.train_seconds = reader.numbers("/cells/train_seconds");
  source.evaluate_seconds = reader.numbers("/cells/evaluate_seconds");
  source.harvest_seconds = reader.numbers("/cells/harvest_seconds");
  source.job.has_results = true;
}

Source read_job(const std::filesystem::path& folder, std::vector<std::string>& problems) {
  Source source{.job = {.folder = folder, .shard = shard_of(folder), .holder = lease_holder(folder)}};
  source.job.ranks = read_run_logs(folder / "logs");
  if (!std::filesystem::exists(folder / kResults)) return source;
  try {
    read_results(folder / kResults, source);
  } catch (const Error& error) {
    problems.emplace_back(error.what());
  }
  return source;
}

std::vector<Source> read_sources(const Place& place, std::vector<std::string>& problems) {
  std::vector<Source> sources;
  for (const std::filesystem::path& folder : place.folders) {
    Source source = read_job(folder, problems);
    // An output of shards alone has a root without a job.
    const bool is_job = source.job.has_results || source.job.is_running() || !source.job.ranks.empty();
    if (is_job) sources.push_back(std::move(source));
  }
  if (!place.file.empty()) {
    sources.push_back({.job = {.folder = place.file.parent_path()}});
    read_results(place.file, sources.back());
  }
  std::ranges::stable_sort(sources, std::greater<>(), [](const Source& one) {
    return std::tuple(one.job.is_running(), one.job.has_results, one.info.created);
  });
  return sources;
}

//! The sweep as it was last given to a job.
const Source* newest(const std::vector<Source>& sources) {
  const Source* best = nullptr;
  for (const Source& source : sources) {
    if (source.job.has_results && (best == nullptr || source.info.created > best->info.created)) best = &source;
  }
  return best;
}

//! Joins the files: each cell once.
class Joining {
 public:
  Joining(std::vector<Source>& sources, const Source& last) : sources_(sources), grid_(last.grid), origins_(open()) {
    for (size_t file = 0; file < sources.size(); ++file) {
      const auto& cells = origins_.files()[file];
      for (size_t row = 0; row < cells.size(); ++row) first_.emplace(cells[row].row.id, std::pair(file, row));
    }
  }

  //! is_one_job: its cells alone. Else those of the grid, where the file has one.
  void join(SweepStatus& status, bool is_one_job) const {
    std::unordered_map<std::string_view, const results::GridEntry*> entries;
    for (const results::GridEntry& entry : grid_) entries.emplace(entry.id, &entry);
    for (const results::GridEntry& entry : grid_) {
      const auto place = first_.find(entry.id);
      if (place != first_.end()) status.cells.push_back(progress(place->second, &entry));
      if (place != first_.end() || is_one_job) continue;
      status.cells.emplace_back();
      status.cells.back().row.id = entry.id;
      status.cells.back().settings = entry.settings;
    }
    if (!grid_.empty()) {
      status.n_left_out = static_cast<size_t>(
          std::ranges::count_if(first_, [&](const auto& one) { return !entries.contains(one.first); }));
      return;
    }
    for (size_t file = 0; file < sources_.size(); ++file) {
      const auto& cells = origins_.files()[file];
      for (size_t row = 0; row < cells.size(); ++row) {
        const std::pair place(file, row);
        if (first_.at(cells[row].row.id) == place) status.cells.push_back(progress(place, nullptr));
      }
    }
  }

 private:
  using FileRow = std::pair<size_t, size_t>;

  results::Origins open() const {
    std::vector<std::vector<CellStatus>> files;
    bool is_scored = false;
    for (Source& source : sources_) {
      for (const CellStatus& cell : source.cells) is_scored |= !cell.row.score_id.empty();
      files.push_back(std::move(source.cells));
    }
    if (!grid_.empty()) is_scored = !grid_.front().score_id.empty();
    return {std::move(files), is_scored ? Stage::kScored : Stage::kEvaluated};
  }

  //! place: the first file that has the cell. entry: its ids now.
  CellProgress progress(const FileRow& place, const results::GridEntry* entry) const {
    const CellStatus& first = origins_.files()[place.first][place.second];
    CellProgress cell{.row = first.row, .job = place.first};
    if (entry != nullptr) {
      cell.row.evaluate_id = entry->evaluate_id;
      cell.row.score_id = entry->score_id;
      cell.settings = entry->settings;
    }
    const results::Origin origin = *origins_.find(cell.row);
    const CellStatus& furthest = origins_.at(origin);
    cell.stage = origin.stage;
    cell.state = origin.state;
    const bool is_started = first.state == State::kStarted || furthest.state == State::kStarted;
    if (cell.state == State::kToCome && is_started) cell.state = State::kStarted;
    if (cell.state == State::kFailed) cell.failure = furthest.failure;
    const Source& source = sources_[origin.file];
    if (cell.stage >= Stage::kTrained) cell.tokens_trained = source.tokens_trained[origin.row];
    if (cell.stage >= Stage::kTrained) cell.train_seconds = source.train_seconds[origin.row];
    if (cell.stage >= Stage::kEvaluated) cell.evaluate_seconds = source.evaluate_seconds[origin.row];
    if (cell.stage >= Stage::kHarvested) cell.harvest_seconds = source.harvest_seconds[origin.row];
    return cell;
  }

  std::vector<Source>& sources_;
  const std::vector<results::GridEntry>& grid_;
  results::Origins origins_;
  //! By train id. Views ids in origins_.
  std::unordered_map<std::string_view, FileRow> first_;
};

void mark_work(SweepStatus& status) {
  std::unordered_set<std::string_view> at_work;
  for (const JobStatus& job : status.jobs) {
    if (!job.is_running()) continue;
    for (const RankLog& log : job.ranks) {
      if (log.at_work) at_work.insert(log.at_work->cells.begin(), log.at_work->cells.end());
    }
  }
  for (CellProgress& cell : status.cells) {
    const bool is_open = cell.state != State::kDone && cell.state != State::kFailed;
    const bool is_begun = status.is_toy() && status.is_running() && cell.state == State::kStarted;
    cell.is_at_work = is_begun || (is_open && at_work.contains(cell.row.id));
  }
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

std::string CellProgress::text() const {
  if (!settings.empty()) return settings;
  const std::string init = row.init_seed < 0 ? "" : fmt::format(" init {}", row.init_seed);
  const std::string sparsity = row.penalty ? fmt::format("penalty {}", *row.penalty) : fmt::format("k{}", row.k);
  return fmt::format("{} {}{} {} {} R{} {} seed {}, {} tokens", row.model, row.variant, init, row.hookpoint,
                     row.architecture, row.expansion_factor, sparsity, row.sae_seed, row.tokens);
}

bool SweepStatus::is_running() const {
  return std::ranges::any_of(jobs, &JobStatus::is_running);
}

SweepStatus read_status(const std::filesystem::path& output) {
  const Place place = place_of(output);
  SweepStatus status{.output = output};
  std::vector<Source> sources = read_sources(place, status.problems);
  // Cells count to the job that ran them, not to the file that they were merged into.
  std::stable_partition(sources.begin(), sources.end(), [](const Source& source) { return !source.job.is_merged(); });
  const Source* last = newest(sources);
  if (last == nullptr && !status.problems.empty()) throw OutputError(output.string(), status.problems.front());
  if (sources.empty()) {
    throw OutputError(output.string(), "found no results.h5 in this folder; no run has started there");
  }
  if (last != nullptr) {
    status.sweep_name = last->info.sweep_name;
    status.kind = last->info.kind;
    Joining(sources, *last).join(status, place.is_one_job);
  }
  for (Source& source : sources) status.jobs.push_back(std::move(source.job));
  mark_work(status);
  status.now = seconds_now();
  return status;
}

}  // namespace saesweep::app
