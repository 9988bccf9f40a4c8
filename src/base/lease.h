#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/file_lock.h"

namespace saesweep {

//! The exclusive right to write an output folder, held for the life of the object. It rests on a lock on
//! FOLDER/run.lock, which the system drops when its holder dies; and, since not every shared file system carries locks
//! between machines, on a beat that a thread of the holder writes into that file every few seconds. A lease whose beat
//! stands still is stale: its holder is dead, and another takes it over. No clock is compared with another
//! one, but by lease_holder where locks do not travel.
//! A holder that finds its lease taken (it was stopped for long) ends the process at once, with ExitCode::kStopped.
//! Move-only.
class Lease {
 public:
  //! Told, about every second, who holds the folder while it waits. Returns whether to wait on.
  using Waiting = std::function<bool(const std::string& holder)>;

  //! Throws OutputError where another process holds the folder (saying host, process, Slurm job and since when) and
  //! `waiting` is empty, and where the file cannot be written; StoppedError where waiting returns false. The folder
  //! must exist. A holder on another machine is watched for stale_seconds.
  explicit Lease(const std::filesystem::path& folder, const Waiting& waiting = {}, double stale_seconds = 20);
  ~Lease();
  Lease(Lease&&) noexcept;
  Lease& operator=(Lease&&) noexcept;

 private:
  class Held;
  std::unique_ptr<Held> held_;
};

//! Who holds the folder, as in the refusal ("host n1, process 12, since ..."), or "" where no one does.
std::string lease_holder(const std::filesystem::path& folder);

//! A share in FOLDER/ranks.lock, which every rank of a job has, so that the next job can wait for ranks that outlive
//! their job by a moment. Nothing on file systems without locks.
class RankLock {
 public:
  explicit RankLock(const std::filesystem::path& folder);

 private:
  std::optional<FileLock> lock_;
};

//! Waits, for some seconds, until no process has a RankLock of the folder. Throws OutputError where one keeps it.
void wait_for_ranks(const std::filesystem::path& folder);

}  // namespace saesweep
