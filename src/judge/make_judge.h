#pragma once

#include <memory>

#include "judge/judge.h"
#include "judge/options.h"
#include "judge/place.h"

namespace saesweep::judge {

//! The judge that the options name. Throws ConfigError where they cannot be used, OutputError where the reply cache
//! cannot be written.
std::unique_ptr<Judge> make_judge(const JudgeOptions& options, const JudgePlace& place);

}  // namespace saesweep::judge
