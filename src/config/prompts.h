#pragma once

#include <toml++/toml.h>

#include "sweep/options.h"

namespace saesweep::config {

//! Reads the prompt files that the sweep names: paths, or bare names of files in prompts_folder() (base/share.h).
//! `root` gives the lines for messages. Throws ConfigError, InputError.
void load_prompts(sweep::SweepOptions& options, const toml::table& root);

}  // namespace saesweep::config
