#pragma once

#include <cstdint>
#include <string>

namespace saesweep::train {

//! [run] checkpoint_every, read: tokens ("2_000_000", an integer), a time ("10 min", "90 s", "1 h"), "auto" or "never".
struct CheckpointEvery {
  enum class Kind { kAuto, kTokens, kSeconds, kNever };
  Kind kind = Kind::kAuto;
  double amount = 0;
};

//! Throws InputError saying what is allowed.
CheckpointEvery parse_checkpoint_every(const std::string& text);
//! "30 s", "5 min", "2 h" or a number of seconds, for [run] grace. Throws InputError.
double parse_duration(const std::string& text);

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
