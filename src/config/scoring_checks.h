#pragma once

#include <toml++/toml.h>

#include "sweep/options.h"

namespace saesweep::config {

//! Checks what keys of [autointerp] and [judge] must hold together, and with the text: windows and rows, latents,
//! numbers of examples, an endpoint's address and model. `root` gives the lines for messages. Throws ConfigError.
void check_scoring(const sweep::SweepOptions& options, const toml::table& root);

}  // namespace saesweep::config
