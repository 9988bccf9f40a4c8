#include "app/progress_option.h"

#include <fmt/format.h>

#include <string>

#include "base/errors.h"

namespace saesweep::app {

namespace po = boost::program_options;

void add_progress_option(po::options_description& options) {
  options.add_options()("progress", po::value<std::string>()->default_value("auto")->value_name("MODE"),
                        "line (redrawn), plain (for logs), none, or auto");
}

ProgressLine::Mode progress_mode(const po::variables_map& given) {
  const auto name = given["progress"].as<std::string>();
  if (name == "auto") return ProgressLine::detect();
  if (name == "line") return ProgressLine::Mode::kTerminal;
  if (name == "plain") return ProgressLine::Mode::kPlain;
  if (name == "none") return ProgressLine::Mode::kNone;
  throw ConfigError("--progress", fmt::format("'{}' is not known; allowed are auto, line, plain or none", name));
}

}  // namespace saesweep::app
