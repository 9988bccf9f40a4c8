#include "app/run_logs.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <system_error>
#include <utility>

#include "base/json.h"

namespace saesweep::app {
namespace {

//! Read of the end of each log, and of all logs of a folder together.
constexpr uint64_t kMostBytes = 1 << 20;
constexpr uint64_t kLeastBytes = 16 << 10;
constexpr uint64_t kBytesOfAll = 64 << 20;

double number(const Json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_number() ? found->get<double>() : kUnknown;
}

int64_t count(const Json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

std::string text(const Json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_string() ? found->get<std::string>() : "";
}

bool flag(const Json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_boolean() && found->get<bool>();
}

LoggedUnit unit_of(const Json& line) {
  LoggedUnit unit{.predicted_seconds = number(line, "predicted_seconds")};
  const auto cells = line.find("cells");
  if (cells != line.end() && cells->is_array()) {
    for (const Json& id : *cells) {
      if (id.is_string()) unit.cells.push_back(id);
    }
  }
  unit.n_cells = unit.cells.empty() ? static_cast<size_t>(count(line, "cells")) : unit.cells.size();
  return unit;
}

LoggedJudge judge_of(const Json& judge) {
  return {.open_cells = count(judge, "open_cells"),
          .answered = count(judge, "answered"),
          .cached = count(judge, "cached"),
          .sent = count(judge, "sent"),
          .failed = count(judge, "failed"),
          .in_flight = count(judge, "in_flight"),
          .is_paused = flag(judge, "is_paused")};
}

void take_start(RankLog& log, const Json& line) {
  log.started = log.last_seconds;
  if (const int64_t ranks = count(line, "ranks"); ranks > 0) log.n_ranks = ranks;
  log.machine = text(line, "machine");
  log.slurm_job = text(line, "job");
  log.device = text(line, "device");
}

void take_unit(RankLog& log, const Json& line) {
  log.at_work = unit_of(line);
  log.at_work->began = log.last_seconds;
  log.step = log.n_steps = 0;
  log.is_evaluating = false;
  // Before its first unit a rank whose start was read has done nothing.
  if (log.started && log.work.empty()) log.work.push_back({.seconds = log.last_seconds});
}

void take_unit_end(RankLog& log, const Json& line) {
  LoggedUnit unit = unit_of(line);
  unit.seconds = number(line, "seconds");
  unit.is_stopped = flag(line, "stopped");
  if (log.at_work) unit.began = log.at_work->began;
  log.finished.push_back(std::move(unit));
  log.at_work.reset();
}

void take_progress(RankLog& log, const Json& line) {
  WorkPoint point{log.last_seconds, number(line, "trained_tokens"), number(line, "evaluated_tokens"), kUnknown};
  if (const auto judge = line.find("judge"); judge != line.end() && judge->is_object()) {
    log.judge = judge_of(*judge);
    point.judged_requests = static_cast<double>(log.judge->answered);
  }
  const double evaluated_before = log.work.empty() ? kUnknown : log.work.back().evaluated_tokens;
  if (point.evaluated_tokens > evaluated_before) log.is_evaluating = true;
  log.work.push_back(point);
  log.step = count(line, "step");
  log.n_steps = count(line, "steps");
  // A unit's line lies before what was read, or the unit has ended.
  const bool has_unit_line = log.started || log.at_work || !log.finished.empty();
  if (LoggedUnit unit = unit_of(line); !has_unit_line && unit.n_cells > 0) log.at_work = std::move(unit);
}

void take_scored(RankLog& log) {
  log.scored.push_back(log.last_seconds);
  if (log.judge) log.judge->open_cells = std::max<int64_t>(0, log.judge->open_cells - 1);
}

void take_checkpoint(RankLog& log, const Json& line) {
  log.checkpoint = {.time = log.last_time,
                    .cells = count(line, "cells"),
                    .step = count(line, "step"),
                    .bytes = number(line, "bytes"),
                    .seconds = number(line, "seconds")};
}

void take_end(RankLog& log, const Json& line) {
  log.has_ended = true;
  log.end_reason = text(line, "stopped");
}

//! Moves the log's clock to a line.
void take_time(RankLog& log, const Json& line) {
  const double clock = number(line, "clock");
  if (!std::isnan(clock)) log.last_seconds = clock;
  log.last_time = seconds_since_1970(text(line, "time"));
}

//! The root writes it for all ranks, whatever it is at itself.
void take_time_left(RankLog& log, const Json& line) {
  log.seconds_left = number(line, "seconds");
  log.seconds_left_time = seconds_since_1970(text(line, "time"));
}

void take(RankLog& log, const Json& line) {
  const std::string event = text(line, "event");
  if (event == "time_left") {
    take_time_left(log, line);
    return;
  }
  log.last_event = event;
  take_time(log, line);
  if (event == "start") take_start(log, line);
  if (event == "unit") take_unit(log, line);
  if (event == "unit_end") take_unit_end(log, line);
  if (event == "progress") take_progress(log, line);
  if (event == "stage" && text(line, "stage") == "scored") take_scored(log);
  if (event == "checkpoint") take_checkpoint(log, line);
  if (event == "stop") log.is_stopping = true;
  if (event == "judge_lost") log.judge_lost = text(line, "reason");
  if (event == "end") take_end(log, line);
  if (event == "error") log.error = text(line, "reason");
  if (log.at_work && !std::isnan(log.at_work->began)) log.at_work->seconds = log.last_seconds - log.at_work->began;
}

bool is_line_of_ours(const Json& line) {
  return line.is_object() && !text(line, "run").empty() && !text(line, "event").empty();
}

std::vector<Json> lines_in(std::string_view lines) {
  std::vector<Json> found;
  for (size_t begin = 0; begin < lines.size();) {
    const size_t end = std::min(lines.find('\n', begin), lines.size());
    Json line = Json::parse(lines.substr(begin, end - begin), nullptr, false);
    if (is_line_of_ours(line)) found.push_back(std::move(line));
    begin = end + 1;
  }
  return found;
}

//! Bytes [begin, size) of a file, from the first line that begins there. "" where it cannot be read.
std::string end_of_file(std::ifstream& file, uint64_t begin, uint64_t size) {
  const bool is_whole = begin == 0;
  std::string text(size - (is_whole ? 0 : begin - 1), '\0');
  file.clear();
  file.seekg(static_cast<std::streamoff>(is_whole ? 0 : begin - 1));
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(std::max<std::streamsize>(0, file.gcount())));
  if (is_whole) return text;
  const size_t line = text.find('\n');
  return line == std::string::npos ? "" : text.substr(line + 1);
}

std::optional<RankLog> read_rank_log(const std::filesystem::path& path, int rank, uint64_t most_bytes) {
  std::ifstream file(path, std::ios::binary);
  std::error_code failed;
  const uint64_t size = std::filesystem::file_size(path, failed);
  if (!file || failed) return std::nullopt;
  for (uint64_t bytes = std::min(most_bytes, size); bytes > 0; bytes = std::min(2 * bytes, size)) {
    RankLog log = parse_log(end_of_file(file, size - bytes, size));
    log.rank = rank;
    if (!log.run.empty()) return log;
    if (bytes == size) break;
  }
  return std::nullopt;
}

//! n of "rank-<n>.jsonl".
std::optional<int> rank_of(const std::filesystem::path& path) {
  constexpr std::string_view kStart = "rank-";
  const std::string name = path.stem();
  if (path.extension() != ".jsonl" || !name.starts_with(kStart)) return std::nullopt;
  int rank = 0;
  const auto [end, error] = std::from_chars(name.data() + kStart.size(), name.data() + name.size(), rank);
  return error == std::errc() && end == name.data() + name.size() ? std::optional(rank) : std::nullopt;
}

std::vector<std::pair<int, std::filesystem::path>> log_files(const std::filesystem::path& folder) {
  std::vector<std::pair<int, std::filesystem::path>> files;
  std::error_code unreadable;
  for (const auto& entry : std::filesystem::directory_iterator(folder, unreadable)) {
    if (const auto rank = rank_of(entry.path())) files.emplace_back(*rank, entry.path());
  }
  std::ranges::sort(files);
  return files;
}

//! The run of rank 0, which every run has; where its log cannot be read, the run that wrote last.
std::string latest_run(const std::vector<RankLog>& logs) {
  if (logs.front().rank == 0) return logs.front().run;
  return std::ranges::max_element(logs, {},
                                  [](const RankLog& log) { return std::isnan(log.last_time) ? 0 : log.last_time; })
      ->run;
}

}  // namespace

bool RankLog::waits_for_judge() const {
  return !at_work && judge && judge->open_cells > 0 && judge_lost.empty();
}

bool RankLog::is_idle() const {
  return !at_work && !waits_for_judge() && (!finished.empty() || !work.empty() || !scored.empty());
}

RankLog parse_log(std::string_view lines) {
  const std::vector<Json> all = lines_in(lines);
  RankLog log;
  if (all.empty()) return log;
  log.run = text(all.back(), "run");
  for (const Json& line : all) {
    if (text(line, "run") != log.run) continue;
    if (text(line, "event") == "start") log = {.run = log.run};
    take(log, line);
  }
  log.rank = static_cast<int>(count(all.back(), "rank"));
  return log;
}

std::vector<RankLog> read_run_logs(const std::filesystem::path& folder) {
  const auto files = log_files(folder);
  if (files.empty()) return {};
  const uint64_t most_bytes = std::clamp<uint64_t>(kBytesOfAll / files.size(), kLeastBytes, kMostBytes);
  std::vector<RankLog> logs;
  for (const auto& [rank, path] : files) {
    if (std::optional<RankLog> log = read_rank_log(path, rank, most_bytes)) logs.push_back(std::move(*log));
  }
  if (logs.empty()) return {};
  std::erase_if(logs, [run = latest_run(logs)](const RankLog& log) { return log.run != run; });
  return logs;
}

double seconds_since_1970(const std::string& utc) {
  std::tm parts{};
  double seconds = 0;
  const int n = std::sscanf(utc.c_str(), "%d-%d-%dT%d:%d:%lfZ", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
                            &parts.tm_hour, &parts.tm_min, &seconds);
  if (n != 6) return kUnknown;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  return static_cast<double>(::timegm(&parts)) + seconds;
}

}  // namespace saesweep::app
