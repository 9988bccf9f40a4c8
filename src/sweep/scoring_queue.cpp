#include "sweep/scoring_queue.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <optional>
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
  void add(uint64_t row, MakeScoring make) {
    const std::lock_guard lock(mutex_);
    ++n_open_;
    waiting_.push_back({row, std::move(make)});
  }

  std::optional<Ask> next() override {
    do {
      for (Open& open : open_) {
        std::optional<Ask> ask = open.cell.scoring->next();
        if (!ask) continue;
        ask->tag |= open.number << kCellShift;
        return ask;
      }
      take_out_done();
    } while (open_next());
    return std::nullopt;
  }

  void take(uint64_t tag, const judge::Reply& reply) override {
    cell_of(tag).take(own_tag(tag), reply);
    ++n_answered_;
    take_out_done();
  }

  void give_up(uint64_t tag, const std::string& fault) override {
    cell_of(tag).give_up(own_tag(tag), fault);
    ++n_answered_;
    take_out_done();
  }

  bool is_done() const override {
    const std::lock_guard lock(mutex_);
    return is_closed_ && open_.empty() && waiting_.empty();
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

  int64_t n_answered() const { return n_answered_; }

  void lose(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    error_ = std::move(error);
  }
  std::exception_ptr lost() const {
    const std::lock_guard lock(mutex_);
    return error_;
  }

 private:
  struct Waiting {
    uint64_t row;
    MakeScoring make;
  };
  struct Open {
    uint64_t number;
    ScoredCell cell;
    Clock::time_point start;
  };

  static uint64_t own_tag(uint64_t tag) { return tag & ((uint64_t{1} << kCellShift) - 1); }

  autointerp::CellScoring& cell_of(uint64_t tag) {
    const auto found =
        std::find_if(open_.begin(), open_.end(), [&](const Open& open) { return open.number == tag >> kCellShift; });
    return *found->cell.scoring;
  }

  //! Opens the cell that waits longest; false: none does.
  bool open_next() {
    std::optional<Waiting> next;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty()) return false;
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    open_.push_back({next_number_++, {next->row, next->make(), 0}, Clock::now()});
    return true;
  }

  void take_out_done() {
    std::erase_if(open_, [&](Open& open) {
      if (!open.cell.scoring->is_done()) return false;
      open.cell.seconds = std::chrono::duration<double>(Clock::now() - open.start).count();
      const std::lock_guard lock(mutex_);
      done_.push_back(std::move(open.cell));
      return true;
    });
  }

  //! Of the judge's thread alone.
  std::deque<Open> open_;
  mutable std::mutex mutex_;
  std::deque<Waiting> waiting_;
  std::vector<ScoredCell> done_;
  std::exception_ptr error_;
  std::atomic<int64_t> n_answered_ = 0;
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

void ScoringQueue::submit(uint64_t row, MakeScoring make) {
  cells_->add(row, std::move(make));
  judge_->wake();
}

size_t ScoringQueue::n_open() const {
  return cells_->n_open();
}

std::vector<ScoredCell> ScoringQueue::finished() {
  return cells_->finished();
}

int64_t ScoringQueue::n_answered() const {
  return cells_->n_answered();
}

std::exception_ptr ScoringQueue::lost() const {
  return cells_->lost();
}

}  // namespace saesweep::sweep
