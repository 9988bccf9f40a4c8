#include "app/arguments.h"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include "base/errors.h"

namespace saesweep::app {

namespace po = boost::program_options;

namespace {

//! An option of ours for what no command takes.
constexpr const char* kSurplus = "surplus arguments";

}  // namespace

po::variables_map parse_arguments(const std::string& command, const std::vector<std::string>& args,
                                  const po::options_description& options, const std::string& positional,
                                  const std::string& rest) try {
  po::options_description all;
  all.add(options).add_options()("help,h", "this text");
  po::positional_options_description places;
  if (!positional.empty()) {
    all.add_options()(positional.c_str(), po::value<std::string>());
    places.add(positional.c_str(), 1);
  }
  const std::string others = rest.empty() ? kSurplus : rest;
  all.add_options()(others.c_str(), po::value<std::vector<std::string>>());
  places.add(others.c_str(), -1);
  po::variables_map given;
  po::store(po::command_line_parser(args).options(all).positional(places).run(), given);
  po::notify(given);
  if (given.contains(kSurplus)) {
    const auto surplus = given[kSurplus].as<std::vector<std::string>>();
    throw ConfigError("saesweep " + command,
                      fmt::format("one argument too many, '{}'; see saesweep {} --help", surplus.front(), command));
  }
  return given;
} catch (const po::error& error) {
  throw ConfigError("saesweep " + command, fmt::format("{}; see saesweep {} --help", error.what(), command));
}

std::string required_argument(const std::string& command, const po::variables_map& given, const std::string& name,
                              const std::string& meaning) {
  if (given.contains(name)) return given[name].as<std::string>();
  throw ConfigError("saesweep " + command, fmt::format("no {} given; see saesweep {} --help", meaning, command));
}

std::vector<std::string> overrides_of(const po::variables_map& given) {
  return given.contains("set") ? given["set"].as<std::vector<std::string>>() : std::vector<std::string>{};
}

std::string help_text(const std::string& usage, const po::options_description& options) {
  return fmt::format("{}\n{}", usage, fmt::streamed(options));
}

}  // namespace saesweep::app
