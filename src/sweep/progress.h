#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/progress.h"

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
  //! A line for the user, or "".
  std::string note = {};

  std::vector<std::byte> encode() const;
  static ProgressMessage decode(std::span<const std::byte> bytes);
};

//! The whole of a run, for its progress line.
class ProgressBoard {
 public:
  //! trained_tokens, evaluated_tokens, judged_requests: what the run will come to, counted as in ProgressMessage.
  ProgressBoard(ProgressLine::Mode mode, int64_t n_cells, int64_t n_done, int64_t trained_tokens,
                int64_t evaluated_tokens, int64_t judged_requests = 0);

  void take(const ProgressMessage& message);
  //! `12/60 cells, 85k tokens/s, 2 min 10 s left, judged 1200 of about 9000 requests`.
  std::string text() const;
  void finish();

 private:
  ProgressLine line_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  int64_t n_cells_;
  int64_t n_done_;
  int64_t n_failed_ = 0;
  double total_work_;
  int64_t trained_tokens_ = 0;
  int64_t total_requests_;
  int64_t judged_requests_ = 0;
  double work_ = 0;
};

}  // namespace saesweep::sweep
