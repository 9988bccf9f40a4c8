#include "sweep/rank_speeds.h"

#include <algorithm>
#include <cmath>

namespace saesweep::sweep {
namespace {

constexpr double kMeanWeight = 0.25;
constexpr double kMostOverdueShare = 0.25;
constexpr double kLeastOverdueShare = 0.03;
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
  if (one.n_finished > 0) {
    misses_ += std::abs(real * speed(rank) / one.seconds - 1);
    ++n_misses_;
  }
  one.predicted += one.seconds;
  one.real += real;
  predicted_ += one.seconds;
  real_ += real;
  ++one.n_finished;
  one.seconds = 0;
}

double RankSpeeds::mean() const {
  return real_ > 0 ? predicted_ / real_ : 1;
}

double RankSpeeds::speed(int rank) const {
  const Rank& one = ranks_[rank];
  if (one.n_finished == 0) return mean();
  const double weight = kMeanWeight * one.predicted / static_cast<double>(one.n_finished);
  return (one.predicted + weight) / (one.real + weight / mean());
}

double RankSpeeds::free_at(int rank, double now) const {
  if (!is_busy(rank)) return now;
  const Rank& one = ranks_[rank];
  const double end = one.began + one.seconds / speed(rank);
  return end > now ? end : now + overdue_share() * (now - one.began);
}

double RankSpeeds::overdue_share() const {
  if (n_misses_ == 0) return kMostOverdueShare;
  return std::clamp(misses_ / static_cast<double>(n_misses_), kLeastOverdueShare, kMostOverdueShare);
}

}  // namespace saesweep::sweep
