#include "sweep/output_lease.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "base/errors.h"
#include "base/files.h"
#include "base/stopwatch.h"

namespace saesweep::sweep {

namespace {

//! "of-8" of a shard's folder, "" of the whole output: jobs of one division share no cell.
std::string division_of(const std::filesystem::path& folder, const std::filesystem::path& root) {
  const std::string name = folder.filename();
  return folder == root ? "" : name.substr(name.find("of-"));
}

//! A run whose mpirun was killed lives on for about a second, on several nodes for some: so long a holder may be dying.
constexpr double kDyingSeconds = 6;
constexpr std::chrono::milliseconds kDyingPause{250};

//! The lease of a folder. Without `waiting` it is refused only where the holder outlives a dying one.
Lease lease_of(const std::filesystem::path& folder, const OutputLease::Waiting& waiting) {
  const Stopwatch watch;
  for (;;) {
    try {
      return Lease(folder, waiting);
    } catch (const OutputError&) {
      if (watch.seconds() > kDyingSeconds || lease_holder(folder).empty()) throw;
      std::this_thread::sleep_for(kDyingPause);
    }
  }
}

struct Other {
  std::filesystem::path folder;
  std::string holder;
};

//! A job at work that may have the same cells.
std::optional<Other> other_job(const OutputFolders& folders) {
  const std::string own = division_of(folders.own(), folders.root());
  for (const std::filesystem::path& folder : folders.others()) {
    if (division_of(folder, folders.root()) == own) continue;
    if (const std::string holder = lease_holder(folder); !holder.empty()) return Other{folder, holder};
  }
  return std::nullopt;
}

}  // namespace

void OutputLease::take(const OutputFolders& folders, const Waiting& waiting) {
  make_writable_folder(folders.own());
  const Stopwatch watch;
  for (;;) {
    lease_.emplace(lease_of(folders.own(), waiting));
    const std::optional<Other> other = other_job(folders);
    if (!other) break;
    lease_.reset();
    if (!waiting && watch.seconds() > kDyingSeconds) {
      throw OutputError(other->folder.string(),
                        fmt::format("another run writes this output, divided otherwise ({}); wait for it to end (run "
                                    "--wait does), or stop it",
                                    other->holder));
    }
    if (waiting && !waiting(other->holder)) {
      throw StoppedError("stopped while another run wrote " + other->folder.string());
    }
    std::this_thread::sleep_for(waiting ? std::chrono::milliseconds(1000) : kDyingPause);
  }
  wait_for_ranks(folders.own());
}

void OutputLease::join(const OutputFolders& folders) {
  rank_.emplace(folders.own());
}

void OutputLease::release() {
  rank_.reset();
  lease_.reset();
}

}  // namespace saesweep::sweep
