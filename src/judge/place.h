#pragma once

#include <filesystem>
#include <vector>

#include "base/log.h"

namespace saesweep::judge {

//! Where a judge works.
struct JudgePlace {
  //! Folder in which this rank keeps its replies, and others whose replies are used, too (those of other shards).
  std::filesystem::path cache_folder;
  std::vector<std::filesystem::path> other_cache_folders;
  int rank = 0;
  int n_ranks = 1;
  Log log;
};

}  // namespace saesweep::judge
