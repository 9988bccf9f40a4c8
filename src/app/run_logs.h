#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace saesweep::app {

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

//! What a rank has done since its run began, at one moment. NaN where its log does not say.
struct WorkPoint {
  //! Of the log's clock.
  double seconds = 0;
  //! A token counts once for each SAE.
  double trained_tokens = 0;
  double evaluated_tokens = 0;
  double judged_requests = 0;
};

//! A unit that a rank is at, or has finished.
struct LoggedUnit {
  //! Ids; none where the log counts them only.
  std::vector<std::string> cells = {};
  size_t n_cells = 0;
  //! Of the log's clock.
  double began = kUnknown;
  //! What it took, or has taken up to the last line; and what was predicted.
  double seconds = kUnknown;
  double predicted_seconds = kUnknown;
  //! Its run was asked to stop.
  bool is_stopped = false;
};

//! A rank's part of the judge, by its last line about it; counts since the run began.
struct LoggedJudge {
  //! Cells that wait for replies.
  int64_t open_cells = 0;
  int64_t answered = 0, cached = 0, sent = 0, failed = 0, in_flight = 0;
  bool is_paused = false;
};

//! A rank's last saving of what it trains.
struct LoggedCheckpoint {
  //! Seconds since 1970, UTC.
  double time = kUnknown;
  int64_t cells = 0, step = 0;
  double bytes = kUnknown;
  double seconds = kUnknown;
};

//! What the log of a rank says of the latest run in it. Lines that are torn, or that another version wrote, are passed
//! over.
struct RankLog {
  int rank = 0;
  //! Which start of the program wrote it.
  std::string run = {};
  //! From the line of its start; unknown where that lies before the part of the file that was read.
  std::optional<int64_t> n_ranks = {};
  std::string machine = {}, slurm_job = {}, device = {};
  //! Of the log's clock.
  std::optional<double> started = {};
  std::string last_event = {};
  //! Of the last line: of the log's clock, and since 1970, UTC.
  double last_seconds = 0, last_time = kUnknown;
  //! Rising.
  std::vector<WorkPoint> work = {};
  std::optional<LoggedUnit> at_work = {};
  //! Of the unit it is at; 0 of 0 where nothing is trained yet.
  int64_t step = 0, n_steps = 0;
  //! The last that was told of it is evaluation or harvest.
  bool is_evaluating = false;
  //! Until the devices of all ranks are done, by rank 0's last line about it, and when that was: since 1970, UTC.
  double seconds_left = kUnknown, seconds_left_time = kUnknown;
  //! In the order of their ends.
  std::vector<LoggedUnit> finished = {};
  std::optional<LoggedJudge> judge = {};
  //! When cells were scored, of the log's clock.
  std::vector<double> scored = {};
  std::optional<LoggedCheckpoint> checkpoint = {};
  //! Asked to stop; has nothing more to do; why it broke off, or "".
  bool is_stopping = false, has_ended = false;
  std::string error = {};
  //! Why it ended before all was done; why cells are judged no more while the rest goes on; or "".
  std::string end_reason = {}, judge_lost = {};

  //! Its device has nothing to do, its cells wait for replies.
  bool waits_for_judge() const;
  //! Has begun to work, and has none.
  bool is_idle() const;
};

//! From lines of a log.
RankLog parse_log(std::string_view lines);

//! The logs of the latest run in FOLDER (rank-<n>.jsonl), by rank. Of each the end is read: a megabyte at most, where
//! that holds a whole line. Nothing where there are none.
std::vector<RankLog> read_run_logs(const std::filesystem::path& folder);

//! "2026-01-31T12:00:00.000Z" as seconds since 1970; NaN where it is none.
double seconds_since_1970(const std::string& utc);

}  // namespace saesweep::app
