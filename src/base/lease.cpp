#include "base/lease.h"

#include "base/errors.h"

namespace saesweep {

namespace {

constexpr const char* kFileName = "run.lock";

FileLock take(const std::filesystem::path& folder) {
  if (auto lock = FileLock::try_take(folder / kFileName)) return std::move(*lock);
  throw OutputError(folder.string(), "another run writes this output (" + lock_holder(folder / kFileName) +
                                         "); wait for it to end, stop it, or choose another [sweep] output");
}

}  // namespace

Lease::Lease(const std::filesystem::path& folder) : lock_(take(folder)) {}

std::string lease_holder(const std::filesystem::path& folder) {
  return lock_holder(folder / kFileName);
}

}  // namespace saesweep
