#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "mpi/comm.h"

namespace saesweep::mpi {

//! What the manager says to a rank that asks for work.
struct WorkAnswer {
  enum class Kind : uint8_t { kItem, kWait, kNoMore };
  Kind kind = Kind::kNoMore;
  //! Some numbers that say which.
  std::vector<int64_t> item = {};
};

//! Hands out work to whichever rank asks next.
//!
//! A manager thread on rank 0 polls for messages (two-sided, on a duplicated communicator) and sleeps between
//! polls, so that it leaves the core to rank 0's own work. It calls MPI and the callbacks only.
class WorkQueue {
 public:
  //! Says what a rank that asks works on; after kWait it is asked again for that rank, without the rank's doing: soon,
  //! and whenever another rank has asked or finished. Called on the manager's thread of rank 0. When it throws, no more
  //! work is handed out.
  using AnswerCallback = std::function<WorkAnswer(int rank)>;
  //! Takes a rank's progress message; called on the manager's thread of rank 0, one call at a time. Called no more
  //! after it has thrown.
  using ReportCallback = std::function<void(int rank, std::span<const std::byte>)>;

  //! The callbacks are used on rank 0 alone. *Collective*.
  WorkQueue(const Comm& comm, AnswerCallback answer, ReportCallback on_report = {});
  //! Items {0} .. {n - 1}, in this order. *Collective*.
  WorkQueue(const Comm& comm, int64_t n_items, ReportCallback on_report = {});
  //! Without finish() before (an exception): stops the manager at once and waits for no other rank.
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  //! The next item, or nothing when there is no more, or all were told to stop; then and after finish() nothing for
  //! ever. While it waits, `idle` is called a few times a second; what that throws is passed on.
  std::optional<std::vector<int64_t>> next(const std::function<void()>& idle = {});

  //! Sends a small message to the manager. Messages of one rank arrive in order. Throws SystemError after finish().
  void report(std::span<const std::byte> message);

  //! Asks all ranks to stop: no more work is handed out, and is_stopped() holds, at once here and soon on every other
  //! rank that has not finished. Any rank may; without effect after finish().
  void stop();
  //! Whether any rank asked for it. Cheap: to be called between steps, by the thread that calls next().
  bool is_stopped();

  //! This rank asks no more (it need not have had the last item). Waits until the manager has heard it; on rank 0
  //! waits, idle, until every rank has finished and all reports are handled, and throws what a callback threw. Call it
  //! on every rank.
  void finish();

 private:
  struct Manager;
  //! Takes in a message of the manager; false where none has come.
  bool receive();

  Comm comm_;
  std::unique_ptr<Manager> manager_;
  bool has_asked_ = false;
  //! What the manager said, until next() takes it.
  std::optional<WorkAnswer> answer_;
  bool is_drained_ = false;
  bool is_stopped_ = false;
  bool is_finished_ = false;
  bool is_released_ = false;
};

}  // namespace saesweep::mpi
