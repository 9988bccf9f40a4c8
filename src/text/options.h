#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace saesweep::text {

//! How the files of a text are read.
struct ReadOptions {
  //! Key of a JSON line's text.
  std::string text_key = "text";
  //! Whether a bad JSON line is left out (and counted); else it is an error.
  bool skip_bad_lines = false;
  //! Ids a row of .bin files: 2,049 in Pythia's own, which are read as one document a row.
  int64_t bin_row_tokens = 2049;
};

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
  ReadOptions read;
  //! Folder of the token stores that are made, which sweeps may share; empty: OUTPUT/tokens.
  std::string store_dir;
  //! Tokens a row.
  int64_t context_length = 2048;
  //! Seed of the order in which training rows are read.
  int64_t data_seed = 0;
  //! What messages call these paths.
  std::string train_place = "[text] train", held_out_place = "[text] held_out", exclude_place = "[text] exclude";
};

}  // namespace saesweep::text
