#include "sweep/output_claim.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>

#include "sweep/agreement.h"
#include "sweep/output.h"

namespace saesweep::sweep {

void claim_output(OutputLease& lease, const OutputFolders& folders, const RunSettings& settings,
                  const StopSignals& signals, const std::function<void()>& check, const mpi::Comm& comm) {
  std::string waited_for;
  const Lease::Waiting waiting = [&](const std::string& holder) {
    const std::string line = fmt::format("waiting for the run that writes this output ({})", holder);
    if (std::exchange(waited_for, line) != line) fmt::print(stderr, "{}\n", line);
    return !signals.is_set();
  };
  const Lease::Waiting wanted = settings.waits ? waiting : Lease::Waiting{};
  on_root(comm, [&] {
    const bool has_old = settings.fresh && std::filesystem::exists(folders.own());
    if (has_old) lease.take(folders, wanted);
    if (has_old) fmt::print(stderr, "moved the old output to {}\n", move_aside(folders.own()).string());
    if (has_old) lease.release();
    check();
    lease.take(folders, wanted);
    return "";
  });
  on_all(comm, [&](int64_t&) { lease.join(folders); });
}

}  // namespace saesweep::sweep
