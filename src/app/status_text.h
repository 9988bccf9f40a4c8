#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "results/reader.h"

namespace saesweep::app {

//! What a results file says of a run.
struct RunState {
  std::filesystem::path results;
  std::string sweep_name;
  std::vector<results::CellStatus> cells;
  //! Of cells that are trained, NaN for the others.
  std::vector<double> tokens_trained;
  std::vector<double> train_seconds;
  //! Who writes the output now; empty where no one does.
  std::string holder;
};

//! Counts, speed and failures for people to read.
std::string status_text(const RunState& run);

//! results.h5 of an output folder, or the file itself. Throws OutputError where there is none.
std::filesystem::path results_file(const std::filesystem::path& output);

//! Reads what status_text shows. Throws OutputError.
RunState read_run(const std::filesystem::path& results);

}  // namespace saesweep::app
