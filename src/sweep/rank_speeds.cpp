#include "sweep/rank_speeds.h"

#include <algorithm>

namespace saesweep::sweep {
namespace {

constexpr double kMeanWeight = 0.5;
constexpr double kOverdueShare = 0.25;
// A clock that stands still, or work that was done already, shows no speed.
constexpr double kMostSpeed = 1e3;

}  // namespace

RankSpeeds::RankSpeeds(int n_ranks) : ranks_(static_cast<size_t>(n_ranks)) {}

void RankSpeeds::start(int rank, double seconds, double now) {
  ranks_[rank].seconds = seconds;
  ranks_[rank].began = now;
}

void RankSpeeds::finish(int rank, double now) {
  if (!is_busy(rank)) return;
  Rank& one = ranks_[rank];
  const double real = std::max(now - one.began, one.seconds / (kMostSpeed * mean()));
  one.predicted += one.seconds;
  one.real += real;
  predicted_ += one.seconds;
  real_ += real;
  ++n_finished_;
  one.seconds = 0;
}

double RankSpeeds::mean() const {
  return real_ > 0 ? predicted_ / real_ : 1;
}

double RankSpeeds::speed(int rank) const {
  if (n_finished_ == 0) return 1;
  const double weight = kMeanWeight * predicted_ / static_cast<double>(n_finished_);
  return (ranks_[rank].predicted + weight) / (ranks_[rank].real + weight / mean());
}

double RankSpeeds::free_at(int rank, double now) const {
  if (!is_busy(rank)) return now;
  const Rank& one = ranks_[rank];
  const double end = one.began + one.seconds / speed(rank);
  return end > now ? end : now + kOverdueShare * (now - one.began);
}

}  // namespace saesweep::sweep
