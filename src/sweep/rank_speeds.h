#pragma once

#include <cstdint>
#include <vector>

namespace saesweep::sweep {

//! Which ranks are at work, and how fast each is by what it has finished. Seconds of work are those of a rank of
//! speed 1. Pure logic, by the caller's clock.
class RankSpeeds {
 public:
  explicit RankSpeeds(int n_ranks);

  int n_ranks() const { return static_cast<int>(ranks_.size()); }
  void start(int rank, double seconds, double now);
  //! It has finished what it was at; without effect where it was at nothing.
  void finish(int rank, double now);

  //! Of all ranks that have finished work together; 1 before.
  double mean() const;
  //! Drawn to the mean, by as much as a quarter of what it usually was at weighs.
  double speed(int rank) const;
  //! Assignments that it has finished.
  int64_t n_finished(int rank) const { return ranks_[rank].n_finished; }
  bool is_busy(int rank) const { return ranks_[rank].seconds > 0; }
  //! When it should have finished; `now` where it is at nothing. Work that has lasted longer than predicted is
  //! thought to last another share of what it has: that by which finished work missed what its rank's speed let expect,
  //! at most a quarter, which holds before any has.
  double free_at(int rank, double now) const;

 private:
  struct Rank {
    //! Of what it is at.
    double seconds = 0;
    double began = 0;
    //! Of all that it has finished: predicted, and by the clock.
    double predicted = 0;
    double real = 0;
    int64_t n_finished = 0;
  };
  std::vector<Rank> ranks_;
  double predicted_ = 0;
  double real_ = 0;
  //! Shares by which work of ranks with a known speed missed what was expected.
  double misses_ = 0;
  int64_t n_misses_ = 0;

  double overdue_share() const;
};

}  // namespace saesweep::sweep
