#include "sweep/agreement.h"

#include <exception>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/json.h"

namespace saesweep::sweep {

namespace {

//! How work ended on a rank; exit code 0: well.
struct Outcome {
  int64_t code = 0;
  std::string message;
};

Outcome outcome_of(const std::function<void()>& work) {
  try {
    work();
    return {};
  } catch (const Error& error) {
    return {static_cast<int64_t>(error.exit_code()), error.what()};
  } catch (const std::exception& error) {
    return {static_cast<int64_t>(ExitCode::kInternal), error.what()};
  }
}

[[noreturn]] void raise(int64_t code, const std::string& message) {
  throw Error(static_cast<ExitCode>(code), message);
}

}  // namespace

std::string on_root(const mpi::Comm& comm, const std::function<std::string()>& work) {
  std::string text;
  Outcome outcome;
  if (comm.is_root()) outcome = outcome_of([&] { text = work(); });
  const int64_t code = comm.broadcast(outcome.code);
  text = comm.broadcast(code == 0 ? text : outcome.message);
  if (code != 0) raise(code, text);
  return text;
}

void on_all(const mpi::Comm& comm, const std::function<void(int64_t& place)>& work) {
  int64_t place = 0;
  const Outcome outcome = outcome_of([&] { work(place); });
  if (comm.all(outcome.code == 0)) return;
  // Messages may hold a path that is not UTF-8, which must not turn one error into another.
  const std::string mine =
      Json{place, outcome.code, outcome.message}.dump(-1, ' ', false, Json::error_handler_t::replace);
  Json first;
  for (const std::string& text : comm.all_gather(mine)) {
    Json one = Json::parse(text);
    if (one[1] != 0 && (first.is_null() || one[0] < first[0])) first = std::move(one);
  }
  raise(first[1], first[2]);
}

}  // namespace saesweep::sweep
