#pragma once

#include <cstdint>

#include "train/options.h"

namespace saesweep::train {

//! Says when a rank saves what it trains, from what saving has taken before. "auto": so that writing takes below 5 % of
//! the time, and at most once a minute. Pure logic: the caller gives the clock. One for all units of a rank.
class CheckpointPace {
 public:
  explicit CheckpointPace(CheckpointEvery every);

  //! Training of a unit begins (or goes on); its state takes so many bytes.
  void begin(uint64_t bytes, double now);
  //! Whether it is time, so many tokens (of each SAE) after the last checkpoint or begin.
  bool is_due(int64_t tokens_since, double now) const;
  //! A checkpoint was written.
  void wrote(uint64_t bytes, double seconds, double now);
  //! Between two checkpoints of "auto", where writing one takes so many seconds: from the end of one to the start of
  //! the next.
  static double auto_interval(double writing_seconds);
  //! Seconds that writing `bytes` takes, by the last one's speed; before the first by a guess that leans to slow.
  double seconds_for(uint64_t bytes) const;

 private:
  CheckpointEvery every_;
  //! Bytes a second; a disk that many share, before anything was measured.
  double speed_ = 200e6;
  uint64_t bytes_ = 0;
  double last_ = 0;
};

}  // namespace saesweep::train
