#pragma once

#include <filesystem>
#include <string>

#include "base/file_lock.h"

namespace saesweep {

//! The exclusive right to write an output folder, held for the life of the object by a lock on FOLDER/run.lock.
//! Move-only.
class Lease {
 public:
  //! Throws OutputError where another process holds the folder (saying host, process, Slurm job and since when)
  //! or the file cannot be written. The folder must exist.
  explicit Lease(const std::filesystem::path& folder);

 private:
  FileLock lock_;
};

//! Who holds the folder, as in the refusal ("host n1, process 12, since ..."), or "" where no one does.
std::string lease_holder(const std::filesystem::path& folder);

}  // namespace saesweep
