#include "sweep/agreement.h"

#include <exception>

#include "base/errors.h"

namespace saesweep::sweep {

std::string on_root(const mpi::Comm& comm, const std::function<std::string()>& work) {
  std::string text;
  int64_t code = 0;
  if (comm.is_root()) {
    try {
      text = work();
    } catch (const Error& error) {
      code = static_cast<int64_t>(error.exit_code());
      text = error.what();
    } catch (const std::exception& error) {
      code = static_cast<int64_t>(ExitCode::kInternal);
      text = error.what();
    }
  }
  code = comm.broadcast(code);
  text = comm.broadcast(text);
  if (code != 0) throw Error(static_cast<ExitCode>(code), text);
  return text;
}

}  // namespace saesweep::sweep
