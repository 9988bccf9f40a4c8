#pragma once

#include <string>

namespace saesweep::app {

//! The release, and where the program was built from a git checkout its commit: `0.1.0+1a2b3c4d5e6f`; `.changed` stands
//! behind it where files differed from the commit.
std::string version();

}  // namespace saesweep::app
