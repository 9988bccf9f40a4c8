#pragma once

#include <string>
#include <vector>

#include "sweep/inputs.h"
#include "sweep/options.h"

namespace saesweep::sweep {

//! What a plan needs to know of models and text where these may be elsewhere.
struct AssumedInputs {
  //! Shapes, names, and whether step0 is drawn; contents' hashes stand for none, so that the cells' ids mean nothing.
  ResolvedInputs inputs;
  //! What was not found and what was taken in its place, a sentence each.
  std::vector<std::string> notes = {};
};

//! Reads no weights, tokenizer or text. The config of a hub name of EleutherAI that is not in the local cache, or of a
//! folder by such a name that is not here, is the one that the program brings (base/share.h), and its step0 is taken to
//! be there. Throws ModelError for other
//! models that are not found; ConfigError and ModelError for SAEs that the sweep loads.
AssumedInputs assume_inputs(const SweepOptions& options);

}  // namespace saesweep::sweep
