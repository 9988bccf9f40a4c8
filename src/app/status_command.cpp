#include "app/status_command.h"

#include <fmt/format.h>

#include "app/arguments.h"
#include "app/status_text.h"

namespace saesweep::app {

namespace {

constexpr const char* kUsage =
    "Usage: saesweep status OUTPUT\n\n"
    "Prints how far a run is, also while it writes. OUTPUT: the sweep's output folder, or its results.h5.\n";

}  // namespace

int status_command(const std::vector<std::string>& args) {
  const boost::program_options::options_description options;
  const auto given = parse_arguments("status", args, options, "output");
  if (given.contains("help")) {
    fmt::print("{}", kUsage);
    return 0;
  }
  const auto output = required_argument("status", given, "output", "output folder");
  fmt::print("{}", status_text(read_run(results_file(output))));
  return 0;
}

}  // namespace saesweep::app
