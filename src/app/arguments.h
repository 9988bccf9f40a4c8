#pragma once

#include <boost/program_options.hpp>
#include <string>
#include <vector>

namespace saesweep::app {

//! Parses what follows a command's name; `positional` names the option that takes the one argument without a
//! name ("": there is none). `-h, --help` is known always. Throws ConfigError naming the command. `rest` names one that
//! takes all arguments after it, a std::vector<std::string> ("": there are none).
boost::program_options::variables_map parse_arguments(const std::string& command, const std::vector<std::string>& args,
                                                      const boost::program_options::options_description& options,
                                                      const std::string& positional, const std::string& rest = "");

//! The positional argument. Throws ConfigError where it is missing; `meaning` says what it should be.
std::string required_argument(const std::string& command, const boost::program_options::variables_map& given,
                              const std::string& name, const std::string& meaning);

//! Values of --set, in the order given.
std::vector<std::string> overrides_of(const boost::program_options::variables_map& given);

//! `usage`, and the options.
std::string help_text(const std::string& usage, const boost::program_options::options_description& options);

}  // namespace saesweep::app
