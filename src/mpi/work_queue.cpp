#include "mpi/work_queue.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <thread>
#include <utility>

#include "base/errors.h"

namespace saesweep::mpi {

namespace {

using Clock = std::chrono::steady_clock;

// Each way on one tag, told apart by the first byte: MPI keeps the order of messages of one tag.
constexpr int kToManager = 1;
constexpr int kFromManager = 2;
enum class Kind : unsigned char { kRequest, kReport, kStop, kFinish };
enum class ReplyKind : unsigned char { kItem, kNoMore, kStop, kGoodbye };

constexpr useconds_t kManagerPollUs = 1000;
constexpr useconds_t kFirstPollUs = 50;
constexpr useconds_t kLongestPollUs = 2000;
constexpr auto kIdlePeriod = std::chrono::milliseconds(200);
// Ranks that wait are asked for this often, and less often where they are many: the manager shares rank 0's core.
constexpr auto kWaitPeriod = std::chrono::microseconds(5000);
constexpr auto kWaitPeriodEach = std::chrono::microseconds(50);

template <typename AnyKind>
std::vector<std::byte> encode(AnyKind kind, std::span<const std::byte> body = {}) {
  std::vector<std::byte> bytes{static_cast<std::byte>(kind)};
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

void send_to_manager(const Comm& comm, Kind kind, std::span<const std::byte> body = {}) {
  comm.send(0, kToManager, encode(kind, body));
}

//! Sleeps, longer from time to time: an answer is there at once or takes long.
class Nap {
 public:
  void take() {
    usleep(us_);
    us_ = std::min(us_ + us_ / 8, kLongestPollUs);
  }

 private:
  useconds_t us_ = kFirstPollUs;
};

WorkQueue::AnswerCallback counting(int64_t n_items) {
  return [n_items, next = int64_t{0}](int) mutable -> WorkAnswer {
    if (next >= n_items) return {};
    return {WorkAnswer::Kind::kItem, {next++}};
  };
}

}  // namespace

struct WorkQueue::Manager {
  const Comm& comm;
  AnswerCallback answer;
  ReportCallback on_report;
  //! Ranks that were told to wait, in the order in which they asked.
  std::vector<int> waiting = {};
  std::vector<bool> has_finished = std::vector<bool>(comm.size());
  int n_finished = 0;
  bool is_stopped = false;
  //! Whether ranks that wait may get another answer than before.
  bool is_news = false;
  Clock::time_point last_asked = {};
  std::exception_ptr report_error = {};
  std::exception_ptr answer_error = {};
  std::jthread thread = {};

  void run(const std::stop_token& stop) {
    while (n_finished < comm.size() && !stop.stop_requested()) {
      if (const auto message = comm.try_receive(kAnySource, kToManager)) {
        handle(*message);
      } else {
        answer_waiting();
        usleep(kManagerPollUs);
      }
    }
  }

  void handle(const Message& message) {
    switch (static_cast<Kind>(message.bytes.at(0))) {
      case Kind::kRequest:
        is_news = true;
        if (!answer_rank(message.source)) waiting.push_back(message.source);
        break;
      case Kind::kReport:
        handle_report(message);
        break;
      case Kind::kStop:
        handle_stop();
        break;
      case Kind::kFinish:
        handle_finish(message.source);
        break;
    }
  }

  void reply(int rank, ReplyKind kind, std::span<const int64_t> item = {}) const {
    comm.send(rank, kFromManager, encode(kind, std::as_bytes(item)));
  }

  //! False where the rank is to wait.
  bool answer_rank(int rank) {
    const WorkAnswer what = ask(rank);
    if (what.kind == WorkAnswer::Kind::kWait) return false;
    reply(rank, what.kind == WorkAnswer::Kind::kItem ? ReplyKind::kItem : ReplyKind::kNoMore, what.item);
    return true;
  }

  // A callback that throws must not end the thread that the other ranks wait for.
  WorkAnswer ask(int rank) {
    if (is_stopped || answer_error) return {};
    try {
      return answer(rank);
    } catch (...) {
      answer_error = std::current_exception();
      return {};
    }
  }

  void answer_waiting() {
    if (waiting.empty()) return;
    const auto period = kWaitPeriod + kWaitPeriodEach * waiting.size();
    if (!is_news && Clock::now() - last_asked < period) return;
    is_news = false;
    std::erase_if(waiting, [&](int rank) { return answer_rank(rank); });
    last_asked = Clock::now();
  }

  void handle_report(const Message& message) {
    if (!on_report || report_error) return;
    try {
      on_report(message.source, std::span(message.bytes).subspan(1));
    } catch (...) {
      report_error = std::current_exception();
    }
  }

  void handle_stop() {
    if (is_stopped) return;
    is_stopped = is_news = true;
    for (int rank = 0; rank < comm.size(); ++rank) {
      if (!has_finished[rank]) reply(rank, ReplyKind::kStop);
    }
  }

  void handle_finish(int rank) {
    is_news = true;
    std::erase(waiting, rank);
    has_finished[rank] = true;
    ++n_finished;
    reply(rank, ReplyKind::kGoodbye);
  }
};

WorkQueue::WorkQueue(const Comm& comm, AnswerCallback answer, ReportCallback on_report) : comm_(comm.duplicate()) {
  if (!comm_.is_root()) return;
  manager_ = std::make_unique<Manager>(Manager{comm_, std::move(answer), std::move(on_report)});
  manager_->thread = std::jthread([manager = manager_.get()](const std::stop_token& stop) {
    try {
      manager->run(stop);
    } catch (...) {  // MPI itself failed: no rank would ever get an answer
      fputs("saesweep: the manager of the work queue lost MPI\n", stderr);
      manager->comm.abort(static_cast<int>(ExitCode::kInternal));
    }
  });
}

WorkQueue::WorkQueue(const Comm& comm, int64_t n_items, ReportCallback on_report)
    : WorkQueue(comm, counting(n_items), std::move(on_report)) {}

WorkQueue::~WorkQueue() = default;

bool WorkQueue::receive() {
  const auto message = comm_.try_receive(0, kFromManager);
  if (!message) return false;
  const auto kind = static_cast<ReplyKind>(message->bytes.at(0));
  if (kind == ReplyKind::kStop) is_stopped_ = true;
  if (kind == ReplyKind::kGoodbye) is_released_ = true;
  if (kind == ReplyKind::kNoMore) answer_ = WorkAnswer{};
  if (kind == ReplyKind::kItem) {
    answer_ = WorkAnswer{WorkAnswer::Kind::kItem, std::vector<int64_t>(message->bytes.size() / sizeof(int64_t))};
    std::vector<int64_t>& item = answer_->item;
    if (!item.empty()) std::memcpy(item.data(), message->bytes.data() + 1, item.size() * sizeof(int64_t));
  }
  return true;
}

std::optional<std::vector<int64_t>> WorkQueue::next(const std::function<void()>& idle) {
  if (is_drained_ || is_finished_ || is_stopped()) return std::nullopt;
  if (!has_asked_) send_to_manager(comm_, Kind::kRequest);
  has_asked_ = true;
  Nap nap;
  auto last_idle = Clock::now();
  while (!answer_) {
    if (receive()) continue;
    nap.take();
    if (!idle || Clock::now() - last_idle < kIdlePeriod) continue;
    idle();
    last_idle = Clock::now();
  }
  has_asked_ = false;
  const WorkAnswer answer = *std::exchange(answer_, std::nullopt);
  is_drained_ = answer.kind == WorkAnswer::Kind::kNoMore || is_stopped_;
  return is_drained_ ? std::nullopt : std::optional(answer.item);
}

void WorkQueue::report(std::span<const std::byte> message) {
  if (is_finished_) throw SystemError("work queue: report after finish");
  send_to_manager(comm_, Kind::kReport, message);
}

void WorkQueue::stop() {
  if (is_stopped_ || is_finished_) return;
  is_stopped_ = true;
  send_to_manager(comm_, Kind::kStop);
}

bool WorkQueue::is_stopped() {
  while (!is_stopped_ && !is_finished_ && receive()) {
  }
  return is_stopped_;
}

void WorkQueue::finish() {
  if (is_finished_) return;
  is_finished_ = true;
  send_to_manager(comm_, Kind::kFinish);
  // The manager's last message: one that came after this queue had ended could reach a later queue.
  Nap nap;
  while (!is_released_) {
    if (!receive()) nap.take();
  }
  if (!manager_) return;
  manager_->thread.join();
  if (manager_->answer_error) std::rethrow_exception(manager_->answer_error);
  if (manager_->report_error) std::rethrow_exception(manager_->report_error);
}

}  // namespace saesweep::mpi
