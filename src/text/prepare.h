#pragma once

#include <filesystem>

#include "text/options.h"
#include "text/tokenizer.h"

namespace saesweep::text {

//! Where the two token stores of a text stand.
struct StorePaths {
  std::filesystem::path train;
  std::filesystem::path held_out;
};

//! Makes the stores of these options under `folder` where they are missing or not sound, and names them. The file
//! names come from the hashes of text and tokenizer, so different ones stand side by side. Two processes may call it
//! at once: both write, and the renames leave one whole file. Throws TextError where a side is shorter than one row
//! of context_length tokens, or a file changes while it is read.
StorePaths prepare_stores(const TextOptions& options, const Tokenizer& tokenizer, const std::filesystem::path& folder);

}  // namespace saesweep::text
