#include "app/commands.h"

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <iostream>
#include <new>

#include "app/activations_command.h"
#include "app/export_command.h"
#include "app/inspect_command.h"
#include "app/judge_command.h"
#include "app/merge_command.h"
#include "app/plan_command.h"
#include "app/run_command.h"
#include "app/status_command.h"
#include "app/tokenize_command.h"
#include "app/toy_command.h"
#include "app/version.h"
#include "base/errors.h"
#include "base/suggest.h"

namespace saesweep::app {
namespace {

struct Command {
  std::string name;
  std::string summary;
  int (*call)(const std::vector<std::string>& args);
};

std::vector<Command> commands() {
  return {{"plan", "prints what a run of a sweep would do; starts nothing", plan_command},
          {"run", "trains and evaluates the cells of a sweep; alone, or under mpirun", run_command},
          {"status", "prints how far a run is, also while it writes", status_command},
          {"merge", "joins the results of an array job's shards in one file", merge_command},
          {"inspect", "looks into a checkpoint, an SAE, a results file or a token store", inspect_command},
          {"export", "writes an SAE in sparsify's or SAELens' form", export_command},
          {"toy", "trains SAEs on inputs of known features (the toy model); alone, or under mpirun", toy_command},
          {"judge", "serves the embedded lexical judge over the OpenAI protocol", judge_command},
          {"tokenize", "writes a token store, or prints ids", tokenize_command},
          {"activations", "writes activations and logits of a text", activations_command}};
}

std::string usage() {
  std::string text = "Usage: saesweep COMMAND [arguments]; saesweep COMMAND --help tells more\n\n";
  for (const auto& command : commands()) text += fmt::format("  {:<12} {}\n", command.name, command.summary);
  return text +
         "\nExit codes: 0 done, 1 some cells failed, 2 bad input, 3 stopped early and resumable, 4 an error of the "
         "program itself\n";
}

[[noreturn]] void refuse(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& command : commands()) names.push_back(command.name);
  const auto near = nearest(name, names);
  throw ConfigError("saesweep",
                    fmt::format("unknown command '{}'{} Commands: {}", name,
                                near.empty() ? "." : fmt::format("; did you mean {}?", near), list_of(names)));
}

//! What was printed must have gone somewhere: a full disk shows at the flush.
void require_written() {
  std::cout.flush();
  if (std::cout && std::fflush(stdout) == 0) return;
  throw StoppedError("standard output: writing failed; is its disk full?");
}

int dispatch(const std::vector<std::string>& args) {
  if (args.empty()) throw ConfigError("saesweep", "no command given; see saesweep --help");
  if (args[0] == "--help" || args[0] == "-h" || args[0] == "help") {
    fmt::print("{}", usage());
    return 0;
  }
  if (args[0] == "--version") {
    fmt::print("saesweep {}\n", version());
    return 0;
  }
  for (const auto& command : commands()) {
    if (command.name != args[0]) continue;
    const int code = command.call({args.begin() + 1, args.end()});
    require_written();
    return code;
  }
  refuse(args[0]);
}

int fail(ExitCode code, const std::string& message) {
  fmt::print(stderr, "saesweep: error: {}\n", message);
  return static_cast<int>(code);
}

}  // namespace

int run_program(const std::vector<std::string>& args) {
  try {
    return dispatch(args);
  } catch (const Error& error) {
    return fail(error.exit_code(), error.what());
  } catch (const std::bad_alloc&) {
    return fail(ExitCode::kInternal, "out of memory");
  } catch (const std::exception& error) {
    return fail(ExitCode::kInternal, error.what());
  }
}

}  // namespace saesweep::app
