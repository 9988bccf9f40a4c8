#include "sweep/simulate.h"

#include <algorithm>
#include <queue>
#include <utility>

namespace saesweep::sweep {
namespace {

// Ranks that wait ask at each event, and at least this often over the time that all would take on equal ranks.
constexpr double kAsksOfARun = 500;

class Simulator {
 public:
  Simulator(std::vector<UnitCost> units, std::span<const double> speeds, bool splits,
            const std::function<double(size_t)>& factor)
      : speeds_(speeds),
        factor_(factor),
        n_cells_(counts(units)),
        scheduler_(std::move(units), static_cast<int>(speeds.size()), splits) {
    result_.ranks.resize(speeds.size());
    ask_period_ = scheduler_.seconds_left() / static_cast<double>(speeds.size()) / kAsksOfARun;
  }

  Simulation run() {
    for (int rank = 0; rank < static_cast<int>(speeds_.size()); ++rank) waiting_.push_back(rank);
    for (double now = 0; ask(now);) {
      now = next_time(now);
      free_those_done(now);
    }
    return std::move(result_);
  }

 private:
  static std::vector<size_t> counts(const std::vector<UnitCost>& units) {
    std::vector<size_t> n_cells;
    for (const UnitCost& unit : units) n_cells.push_back(unit.cell_seconds.size());
    return n_cells;
  }

  //! False when nobody works or waits any more.
  bool ask(double now) {
    std::erase_if(waiting_, [&](int rank) { return has_answer(rank, now); });
    return !busy_.empty() || !waiting_.empty();
  }

  bool has_answer(int rank, double now) {
    const Scheduler::Reply reply = scheduler_.next(rank, now);
    ++result_.n_asked;
    if (reply.answer == Scheduler::Answer::kWork) start(rank, reply.work, now);
    return reply.answer != Scheduler::Answer::kWait;
  }

  void start(int rank, const Assignment& work, double now) {
    const double seconds = work.seconds * (factor_ ? factor_(work.unit) : 1) / speeds_[rank];
    SimulatedRank& one = result_.ranks[rank];
    one.work.push_back(work);
    one.begins.push_back(now);
    one.busy_seconds += seconds;
    result_.n_parts += work.last - work.first < n_cells_[work.unit] ? 1 : 0;
    one.end = now + seconds;
    result_.makespan = std::max(result_.makespan, one.end);
    busy_.emplace(one.end, rank);
  }

  double next_time(double now) const {
    const double event = busy_.empty() ? now + ask_period_ : busy_.top().first;
    return waiting_.empty() ? event : std::min(event, now + ask_period_);
  }

  void free_those_done(double now) {
    for (; !busy_.empty() && busy_.top().first <= now; busy_.pop()) waiting_.push_back(busy_.top().second);
  }

  using Event = std::pair<double, int>;
  std::span<const double> speeds_;
  const std::function<double(size_t)>& factor_;
  std::vector<size_t> n_cells_;
  Scheduler scheduler_;
  double ask_period_ = 0;
  std::vector<int> waiting_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> busy_;
  Simulation result_;
};

}  // namespace

Simulation simulate(std::vector<UnitCost> units, std::span<const double> speeds, bool splits,
                    const std::function<double(size_t)>& factor) {
  return Simulator(std::move(units), speeds, splits, factor).run();
}

}  // namespace saesweep::sweep
