#include "mpi/work_queue.h"

#include <unistd.h>

#include <cstring>
#include <exception>
#include <thread>

#include "base/errors.h"

namespace saesweep::mpi {

namespace {

// To the manager all on one tag, told apart by the first byte: MPI keeps the order of messages of one tag.
constexpr int kToManager = 1;
constexpr int kFromManager = 2;
enum class Kind : unsigned char { kRequest, kReport, kFinish };

constexpr int64_t kNoMore = -1;
constexpr useconds_t kManagerPollUs = 1000;
constexpr useconds_t kRequestPollUs = 50;

void send_kind(const Comm& comm, Kind kind, std::span<const std::byte> body = {}) {
  std::vector<std::byte> bytes{static_cast<std::byte>(kind)};
  bytes.insert(bytes.end(), body.begin(), body.end());
  comm.send(0, kToManager, bytes);
}

}  // namespace

struct WorkQueue::Manager {
  const Comm& comm;
  int64_t n_items;
  ReportCallback on_report;
  int64_t next_item = 0;
  int n_finished = 0;
  std::exception_ptr error;
  std::jthread thread;

  void run(const std::stop_token& stop) {
    while (n_finished < comm.size() && !stop.stop_requested()) {
      if (const auto message = comm.try_receive(kAnySource, kToManager)) {
        handle(*message);
      } else {
        usleep(kManagerPollUs);
      }
    }
  }

  void handle(const Message& message) {
    switch (static_cast<Kind>(message.bytes.at(0))) {
      case Kind::kRequest: {
        const int64_t item = next_item < n_items ? next_item++ : kNoMore;
        comm.send(message.source, kFromManager, std::as_bytes(std::span(&item, 1)));
        break;
      }
      case Kind::kReport:
        handle_report(message);
        break;
      case Kind::kFinish:
        ++n_finished;
        break;
    }
  }

  // A callback that throws must not end the thread that the other ranks wait for.
  void handle_report(const Message& message) {
    if (!on_report || error) return;
    try {
      on_report(message.source, std::span(message.bytes).subspan(1));
    } catch (...) {
      error = std::current_exception();
    }
  }
};

WorkQueue::WorkQueue(const Comm& comm, int64_t n_items, ReportCallback on_report) : comm_(comm.duplicate()) {
  if (!comm_.is_root()) return;
  manager_ = std::make_unique<Manager>(comm_, n_items, std::move(on_report));
  manager_->thread = std::jthread([manager = manager_.get()](const std::stop_token& stop) {
    try {
      manager->run(stop);
    } catch (...) {  // MPI itself failed: no rank would ever get an answer
      fputs("saesweep: the manager of the work queue lost MPI\n", stderr);
      manager->comm.abort(static_cast<int>(ExitCode::kInternal));
    }
  });
}

WorkQueue::~WorkQueue() = default;

std::optional<int64_t> WorkQueue::next() {
  if (drained_ || finished_) return std::nullopt;
  send_kind(comm_, Kind::kRequest);
  std::optional<Message> reply;
  while (!(reply = comm_.try_receive(0, kFromManager))) usleep(kRequestPollUs);
  int64_t item = kNoMore;
  std::memcpy(&item, reply->bytes.data(), sizeof item);
  drained_ = item == kNoMore;
  return drained_ ? std::nullopt : std::optional(item);
}

void WorkQueue::report(std::span<const std::byte> message) {
  if (finished_) throw SystemError("work queue: report after finish");
  send_kind(comm_, Kind::kReport, message);
}

void WorkQueue::finish() {
  if (finished_) return;
  finished_ = true;
  send_kind(comm_, Kind::kFinish);
  if (!manager_) return;
  manager_->thread.join();
  if (manager_->error) std::rethrow_exception(manager_->error);
}

}  // namespace saesweep::mpi
