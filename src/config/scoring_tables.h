#pragma once

#include "config/key.h"

namespace saesweep::config {

//! [autointerp]: the sweep is scored where it has this table. Prompts are named here and read by load_prompts
//! (config/prompts.h).
Table autointerp_table();

//! [judge].
Table judge_table();

}  // namespace saesweep::config
