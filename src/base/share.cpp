#include "base/share.h"

#include <cstdlib>
#include <initializer_list>
#include <system_error>

#include "base/errors.h"

namespace saesweep {

namespace fs = std::filesystem;

namespace {

//! Above the program: bin/ of a prefix, build/ and build/tests/ of a checkout.
constexpr int kLevels = 3;

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

fs::path program() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored);
}

//! The first of these places that is a folder, seen from the program's and from those above it; empty where none is.
fs::path beside_program(std::initializer_list<const char*> places) {
  fs::path above = program();
  for (int level = 0; level < kLevels && above.has_relative_path(); ++level) {
    above = above.parent_path();
    for (const char* place : places) {
      if (const auto folder = (above / place).lexically_normal(); is_folder(folder)) return folder;
    }
  }
  return {};
}

}  // namespace

fs::path prompts_folder() {
  if (const char* given = std::getenv("SAESWEEP_PROMPTS"); given != nullptr && *given != '\0') {
    if (!is_folder(given)) throw InputError("SAESWEEP_PROMPTS", std::string(given) + ": no such folder");
    return fs::absolute(given);
  }
  if (const auto folder = beside_program({"../share/saesweep/prompts", "../share/prompts"}); !folder.empty()) {
    return folder;
  }
  if (const fs::path folder = SAESWEEP_SOURCE_SHARE "/prompts"; is_folder(folder)) return folder;
  throw InputError(program().string(),
                   "no folder of prompts (share/saesweep/prompts) was found beside the program; install it whole, or "
                   "name the folder in the environment variable SAESWEEP_PROMPTS");
}

fs::path configs_folder() {
  if (const auto folder = beside_program({"../share/saesweep/sweeps/configs", "../sweeps/configs"}); !folder.empty()) {
    return folder;
  }
  const fs::path folder = SAESWEEP_SOURCE_SHARE "/../sweeps/configs";
  return is_folder(folder) ? folder.lexically_normal() : fs::path();
}

}  // namespace saesweep
