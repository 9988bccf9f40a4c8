#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "autointerp/cell_scoring.h"
#include "judge/judge.h"

namespace saesweep::sweep {

//! Makes the work of a cell when its turn comes: cells that wait take no memory.
using MakeScoring = std::function<std::unique_ptr<autointerp::CellScoring>()>;

//! A cell whose latents are judged.
struct ScoredCell {
  //! In the results file.
  uint64_t row = 0;
  std::unique_ptr<autointerp::CellScoring> scoring;
  //! From its first request to its last reply.
  double seconds = 0;
};

//! Has cells judged on a thread of its own, so that the device goes on with the next unit meanwhile. Cells are judged
//! in the order given; where one has no request to make for now, the next one's are made.
class ScoringQueue {
 public:
  explicit ScoringQueue(std::unique_ptr<judge::Judge> judge);
  //! Leaves what is not judged.
  ~ScoringQueue();
  ScoringQueue(const ScoringQueue&) = delete;
  ScoringQueue& operator=(const ScoringQueue&) = delete;

  //! `make` is called on the judge's thread; what it throws ends the judging.
  void submit(uint64_t row, MakeScoring make);
  //! Cells given and not yet taken back by finished().
  size_t n_open() const;
  //! Cells judged since the last call.
  std::vector<ScoredCell> finished();
  //! What ended the judging; nothing while it goes on.
  std::exception_ptr lost() const;
  //! Requests that came to an end, answered or given up.
  int64_t n_answered() const;

 private:
  class Cells;

  std::unique_ptr<judge::Judge> judge_;
  std::unique_ptr<Cells> cells_;
  std::jthread thread_;
};

}  // namespace saesweep::sweep
