#include "sweep/stopping.h"

#include <algorithm>
#include <cstdlib>

namespace saesweep::sweep {

namespace {

//! Seconds that mpirun leaves its ranks between SIGTERM and SIGKILL.
double mpirun_seconds() {
  const char* given = std::getenv("OMPI_MCA_odls_base_sigkill_timeout");
  return given != nullptr ? std::atof(given) : 1;
}

bool is_under_mpirun() {
  return std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr && std::getenv("SLURM_STEP_ID") == nullptr;
}

}  // namespace

Stopping::Stopping(const StopSignals& signals, mpi::WorkQueue& queue, double grace_seconds)
    : signals_(signals), queue_(queue), grace_seconds_(grace_seconds) {}

bool Stopping::is_wanted() {
  if (is_wanted_) return true;
  const bool has_signal = signals_.is_set();
  if (has_signal) queue_.stop();
  is_wanted_ = has_signal || queue_.is_stopped();
  since_wanted_ = {};
  return is_wanted_;
}

double Stopping::grace() const {
  const bool is_short = is_under_mpirun() && (signal() == "SIGTERM" || signal() == "SIGINT");
  return is_short ? std::min(grace_seconds_, mpirun_seconds()) : grace_seconds_;
}

double Stopping::seconds_left() const {
  return grace() - std::max(signals_.seconds(), since_wanted_.seconds());
}

}  // namespace saesweep::sweep
