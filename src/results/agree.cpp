#include "results/agree.h"

#include <exception>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/files.h"

namespace saesweep::results {

namespace {

// Below this a write of one row may have failed for want of space.
constexpr uint64_t kFullBytes = 1 << 20;

// What became of a step on this rank.
struct Outcome {
  std::exception_ptr error;
  ExitCode code = ExitCode::kDone;
  std::string message;
};

Outcome try_step(const std::function<void()>& step) {
  try {
    step();
    return {};
  } catch (const Error& error) {
    return {std::current_exception(), error.exit_code(), error.what()};
  } catch (const std::exception& error) {
    return {std::current_exception(), ExitCode::kInternal, error.what()};
  }
}

[[noreturn]] void throw_as(ExitCode code, const std::string& where, const std::string& message) {
  if (code == ExitCode::kBadInput) throw OutputError(where, message);
  if (code == ExitCode::kStopped) throw StoppedError(where + ": " + message);
  throw SystemError(where + ": " + message);
}

}  // namespace

void agree(const mpi::Comm& comm, const std::function<void()>& step) {
  const Outcome mine = try_step(step);
  if (comm.all(!mine.error)) return;
  const std::vector<int> codes = comm.all_gather(static_cast<int>(mine.code));
  const std::vector<std::string> messages = comm.all_gather(mine.message);
  if (mine.error) std::rethrow_exception(mine.error);
  for (size_t rank = 0; rank < codes.size(); ++rank) {
    if (codes[rank] != 0) throw_as(static_cast<ExitCode>(codes[rank]), "rank " + std::to_string(rank), messages[rank]);
  }
}

void stop_if_full(const std::filesystem::path& path, const std::function<void()>& write) {
  try {
    write();
  } catch (const SystemError& error) {
    if (free_bytes(std::filesystem::absolute(path).parent_path()) >= kFullBytes) throw;
    throw StoppedError(std::string(error.what()) + " (the file system is full: make room and start again)");
  }
}

}  // namespace saesweep::results
