#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace saesweep::text {

//! [text] of a sweep: which documents are trained on and which are held out.
struct TextOptions {
  //! Files, folders (all files below), globs, or `@file` (one path a line, # comments) of the training text.
  std::vector<std::string> train;
  //! Held-out text: paths as above. Empty: held_out_fraction rules.
  std::vector<std::string> held_out;
  //! Share of `train` that is held out, by the hash of a document's text, where held_out is empty.
  double held_out_fraction = 0.05;
  //! Taken out of `train`: paths as above, or bare file names and patterns (`perltoc.pod`, `*.bak`).
  std::vector<std::string> exclude;
  //! Tokens a row.
  int64_t context_length = 2048;
  //! Seed of the order in which training rows are read.
  int64_t data_seed = 0;
};

}  // namespace saesweep::text
