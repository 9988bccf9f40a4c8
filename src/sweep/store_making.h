#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "base/progress.h"
#include "mpi/comm.h"
#include "text/options.h"
#include "text/tokenizer.h"

namespace saesweep::sweep {

//! A token store to make.
struct StoreOrder {
  //! Absolute.
  std::filesystem::path path;
  //! Read by the root's list.
  std::vector<std::filesystem::path> files;
  text::Tokenizer tokenizer;
  text::ReadOptions options;
  //! Asked between parts: whether to end, with StoppedError; what was made so far is made again.
  std::function<bool()> is_stopped = [] { return false; };
};

//! Makes a token store on all ranks, each tokenizing parts of the files on demand: the same bytes on any number of
//! ranks. Of jobs that would make the same store at once, one does so and the others wait; is_made, called on the root
//! once it is this job's turn, says whether that is done. Collective. Throws alike on all ranks: TextError for bad
//! text (the first bad place), StoppedError, OutputError.
void make_store(const StoreOrder& order, const std::function<bool()>& is_made, const mpi::Comm& comm,
                ProgressLine::Mode progress);

}  // namespace saesweep::sweep
