#pragma once

#include <toml++/toml.h>

#include "sweep/options.h"

namespace saesweep::config {

//! Checks what keys must hold together, models aside: batch and context, budgets and batches (or, where
//! SAEs are loaded, no key beside [sae] load), the texts of the metrics. `root` gives the lines for messages. Throws
//! ConfigError.
void check_together(const sweep::SweepOptions& options, const toml::table& root);

}  // namespace saesweep::config
