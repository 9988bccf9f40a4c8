#include "base/share.h"

#include <cstdlib>
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

}  // namespace

fs::path prompts_folder() {
  if (const char* given = std::getenv("SAESWEEP_PROMPTS"); given != nullptr && *given != '\0') {
    if (!is_folder(given)) throw InputError("SAESWEEP_PROMPTS", std::string(given) + ": no such folder");
    return fs::absolute(given);
  }
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  fs::path above = program;
  for (int level = 0; level < kLevels && above.has_relative_path(); ++level) {
    above = above.parent_path();
    for (const auto* beside : {"../share/saesweep/prompts", "../share/prompts"}) {
      if (const auto folder = (above / beside).lexically_normal(); is_folder(folder)) return folder;
    }
  }
  if (const fs::path folder = SAESWEEP_SOURCE_SHARE "/prompts"; is_folder(folder)) return folder;
  throw InputError(program.string(),
                   "no folder of prompts (share/saesweep/prompts) was found beside the program; install it whole, or "
                   "name the folder in the environment variable SAESWEEP_PROMPTS");
}

}  // namespace saesweep
