#include "sweep/scoring_queue.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace saesweep::sweep {

namespace {

using Clock = std::chrono::steady_clock;
//! Of a request's tag, the low bits are the cell's own.
constexpr int kCellShift = 32;

}  // namespace

//! The work of all cells as one.
class ScoringQueue::Cells : public judge::Work {
 public:
  void add(uint64_t row, std::unique_ptr<autointerp::CellScoring> scoring) {
    const std::lock_guard lock(mutex_);
    ++n_open_;
    open_.push_back({next_number_++, {row, std::move(scoring), 0}, {}});
    take_out_done();
  }

  std::optional<Ask> next() override {
    const std::lock_guard lock(mutex_);
    for (Open& open : open_) {
      std::optional<Ask> ask = open.cell.scoring->next();
      if (!ask) continue;
      if (!open.start) open.start = Clock::now();
      ask->tag |= open.number << kCellShift;
      return ask;
    }
    return std::nullopt;
  }

  void take(uint64_t tag, const judge::Reply& reply) override {
    const std::lock_guard lock(mutex_);
    cell_of(tag).take(own_tag(tag), reply);
    take_out_done();
  }

  void give_up(uint64_t tag, const std::string& fault) override {
    const std::lock_guard lock(mutex_);
    cell_of(tag).give_up(own_tag(tag), fault);
    take_out_done();
  }

  bool is_done() const override {
    const std::lock_guard lock(mutex_);
    return is_closed_ && open_.empty();
  }

  void close() {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
  }

  size_t n_open() const {
    const std::lock_guard lock(mutex_);
    return n_open_;
  }

  std::vector<ScoredCell> finished() {
    const std::lock_guard lock(mutex_);
    n_open_ -= done_.size();
    return std::exchange(done_, {});
  }

  void lose(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    error_ = std::move(error);
  }
  std::exception_ptr lost() const {
    const std::lock_guard lock(mutex_);
    return error_;
  }

 private:
  struct Open {
    uint64_t number;
    ScoredCell cell;
    std::optional<Clock::time_point> start;
  };

  static uint64_t own_tag(uint64_t tag) { return tag & ((uint64_t{1} << kCellShift) - 1); }

  autointerp::CellScoring& cell_of(uint64_t tag) {
    const auto found =
        std::find_if(open_.begin(), open_.end(), [&](const Open& open) { return open.number == tag >> kCellShift; });
    return *found->cell.scoring;
  }

  void take_out_done() {
    std::erase_if(open_, [&](Open& open) {
      if (!open.cell.scoring->is_done()) return false;
      if (open.start) open.cell.seconds = std::chrono::duration<double>(Clock::now() - *open.start).count();
      done_.push_back(std::move(open.cell));
      return true;
    });
  }

  mutable std::mutex mutex_;
  std::deque<Open> open_;
  std::vector<ScoredCell> done_;
  std::exception_ptr error_;
  uint64_t next_number_ = 0;
  size_t n_open_ = 0;
  bool is_closed_ = false;
};

ScoringQueue::ScoringQueue(std::unique_ptr<judge::Judge> judge)
    : judge_(std::move(judge)), cells_(std::make_unique<Cells>()), thread_([this] {
        try {
          judge_->answer(*cells_);
        } catch (...) {
          cells_->lose(std::current_exception());
        }
      }) {}

ScoringQueue::~ScoringQueue() {
  cells_->close();
  judge_->stop();
}

void ScoringQueue::submit(uint64_t row, std::unique_ptr<autointerp::CellScoring> scoring) {
  cells_->add(row, std::move(scoring));
  judge_->wake();
}

size_t ScoringQueue::n_open() const {
  return cells_->n_open();
}

std::vector<ScoredCell> ScoringQueue::finished() {
  return cells_->finished();
}

std::exception_ptr ScoringQueue::lost() const {
  return cells_->lost();
}

}  // namespace saesweep::sweep
