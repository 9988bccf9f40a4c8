#pragma once

#include <boost/program_options.hpp>

#include "base/progress.h"

namespace saesweep::app {

//! Adds --progress.
void add_progress_option(boost::program_options::options_description& options);

//! What it was given as. Throws ConfigError for an unknown word.
ProgressLine::Mode progress_mode(const boost::program_options::variables_map& given);

}  // namespace saesweep::app
