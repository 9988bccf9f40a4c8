#pragma once

#include <filesystem>
#include <optional>

#include "mpi/comm.h"
#include "support/temporary_folder.h"

namespace saesweep::test {

//! A temporary folder that all ranks (of one machine) see. Collective, its end too.
class SharedFolder {
 public:
  explicit SharedFolder(const mpi::Comm& comm) : comm_(comm) {
    if (comm.is_root()) folder_.emplace();
    path_ = comm.broadcast(folder_ ? folder_->path().string() : std::string());
  }
  ~SharedFolder() { comm_.barrier(); }
  SharedFolder(const SharedFolder&) = delete;
  SharedFolder& operator=(const SharedFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  const mpi::Comm& comm_;
  std::optional<TemporaryFolder> folder_;
  std::filesystem::path path_;
};

}  // namespace saesweep::test
