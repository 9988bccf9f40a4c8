#pragma once

#include <toml++/toml.h>

#include <string>

#include "sweep/options.h"

namespace saesweep::config {

//! Checks what keys must hold together, models aside: batch and context, budgets and batches (or, where
//! SAEs are loaded, no key beside [sae] load), the texts of the metrics, the scoring (scoring_checks.h). `root` gives
//! the lines for messages. Throws ConfigError.
void check_together(const sweep::SweepOptions& options, const toml::table& root);

//! Throws ConfigError for a key, at its line, or where it is not given at that of its table.
[[noreturn]] void refuse(const sweep::SweepOptions& options, const toml::table& root, const std::string& key,
                         const std::string& problem);

}  // namespace saesweep::config
