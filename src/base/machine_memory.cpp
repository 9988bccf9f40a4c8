#include "base/machine_memory.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

namespace saesweep {

namespace fs = std::filesystem;

namespace {

//! The folder of this process's control group (version 2), or nothing.
fs::path control_group() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::/")) return fs::path("/sys/fs/cgroup") / line.substr(4);
  }
  return {};
}

}  // namespace

uint64_t machine_memory() {
  uint64_t bytes = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(::sysconf(_SC_PAGE_SIZE));
  for (fs::path group = control_group(); group.string().starts_with("/sys/fs/cgroup"); group = group.parent_path()) {
    std::ifstream file(group / "memory.max");
    uint64_t most = 0;
    if (file >> most) bytes = std::min(bytes, most);  // "max" is no number
  }
  return bytes;
}

}  // namespace saesweep
