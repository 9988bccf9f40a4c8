#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/stopwatch.h"
#include "sweep/work_left.h"

namespace saesweep::sweep {

//! What a rank tells the manager since its last message.
struct ProgressMessage {
  //! Tokens that SAEs were trained on, a token counted once for each SAE.
  int64_t trained_tokens = 0;
  //! Tokens that SAEs were evaluated on, likewise.
  int64_t evaluated_tokens = 0;
  //! Requests that the judge answered.
  int64_t judged_requests = 0;
  int32_t cells_done = 0;
  int32_t cells_failed = 0;
  //! Of the device, in predicted seconds: of the unit that it begins; done; and counted, but not to be done after all,
  //! as what a checkpoint has, or below 0 the other way round.
  double work_begun = 0;
  double work_done = 0;
  double work_spared = 0;
  //! A line for the user, or "".
  std::string note = {};

  std::vector<std::byte> encode() const;
  static ProgressMessage decode(std::span<const std::byte> bytes);
};

//! The whole of a run, for its progress line.
class ProgressBoard {
 public:
  //! work, judged_requests: what the run will come to, counted as in ProgressMessage.
  ProgressBoard(ProgressLine::Mode mode, int64_t n_cells, int64_t n_done, double work, int64_t judged_requests = 0);

  //! Of a rank.
  void take(int rank, const ProgressMessage& message);
  //! `12/60 cells, 85k tokens/s, 2 min 10 s left, judged 1200 of about 9000 requests`; rates and time left once there
  //! is enough to go by.
  std::string text() const;
  //! Until the devices are done, as of about a second ago; nothing before it is known.
  std::optional<double> seconds_left() const { return seconds_left_; }
  void finish();

 private:
  std::string rate_text() const;

  ProgressLine line_;
  Stopwatch clock_;
  int64_t n_cells_;
  int64_t n_done_;
  int64_t n_failed_ = 0;
  WorkLeft work_;
  //! Trained since the first message about it, and when that came.
  int64_t trained_tokens_ = 0;
  std::optional<double> trained_since_ = {};
  int64_t total_requests_;
  int64_t judged_requests_ = 0;
  std::optional<double> seconds_left_;
  //! When that was reckoned.
  double reckoned_ = 0;
};

}  // namespace saesweep::sweep
