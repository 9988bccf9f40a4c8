#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/errors.h"
#include "base/event_log.h"
#include "judge/judge.h"
#include "mpi/comm.h"
#include "results/writer.h"
#include "sweep/options.h"
#include "sweep/output_folders.h"
#include "sweep/progress.h"
#include "sweep/scoring_queue.h"
#include "text/tokenizer.h"

namespace saesweep::sweep {

//! The judging of a rank's cells: they go to the judge, and what comes back is written. A judge that is lost ends no
//! cell: those not yet scored stay harvested, and the next start judges them.
class Scoring {
 public:
  using Report = std::function<void(const ProgressMessage&)>;

  //! Views all that it is given. Throws ConfigError where the judge cannot be set up.
  Scoring(const SweepOptions& options, const OutputFolders& folders, const mpi::Comm& comm,
          results::ResultsWriter& results, const std::map<std::string, text::Tokenizer>& tokenizers, EventLog log);

  //! A cell whose harvest lies in that file.
  void add(uint64_t row, const std::string& cell_id, const std::string& tokenizer_hash,
           const std::filesystem::path& harvest);
  //! Whether so many cells wait that the device should bring no more.
  bool is_behind() const;
  //! Writes the cells that are judged.
  void write_finished(const Report& report);
  //! Waits for the last reply, the loss of the judge, or a stop.
  void finish(const Report& report, const std::function<bool()>& is_stopped);
  //! Requests that came to an end.
  int64_t n_answered() const { return queue_->n_answered(); }
  //! For logs: cells open, requests answered, cached, sent, failed.
  Json usage() const;

  //! Why cells are left unscored, on any rank, and the exit code that tells it; "" where none are. Collective.
  std::pair<std::string, ExitCode> stopped() const;

 private:
  void write(const ScoredCell& cell, const Report& report);
  void note_loss(const std::string& reason, ExitCode code, const Report& report);

  const SweepOptions& options_;
  const mpi::Comm& comm_;
  results::ResultsWriter& results_;
  const std::map<std::string, text::Tokenizer>& tokenizers_;
  std::string judge_name_;
  EventLog log_;
  std::map<uint64_t, std::string> cell_ids_;
  //! Owned by the queue.
  const judge::Judge* judge_ = nullptr;
  std::unique_ptr<ScoringQueue> queue_;
  //! Requests answered that were told.
  int64_t n_told_ = 0;
  std::string stopped_;
  ExitCode stopped_code_ = ExitCode::kStopped;
};

//! The bytes of a token; the id alone, in brackets, for one that the tokenizer does not know.
std::string token_bytes(const text::Tokenizer& tokenizer, uint32_t id);

}  // namespace saesweep::sweep
