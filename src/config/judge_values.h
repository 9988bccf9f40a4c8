#pragma once

#include <string>

#include "config/value.h"

namespace saesweep::config {

//! http://... or https://...
Kind<std::string> url();

//! A table of further fields, as the text of a JSON object.
Kind<std::string> json_object();

}  // namespace saesweep::config
