#include "sweep/scheduler.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>
#include <tuple>

namespace saesweep::sweep {
namespace {

// Of the time to the common end, what a rank gets that has finished nothing, one thing, or more, where others are
// faster, or may be: work may take some times as long as predicted.
constexpr double kSafeShares[] = {0.03, 0.12, 0.25, 0.3, 0.35};
// The same where nothing is so short: then the shortest.
constexpr double kLessSafeShares[] = {0.12, 0.12, 0.5, 0.5, 0.5};
// A rank that has finished so much is known well enough to be called fast.
constexpr int64_t kKnown = 2;
// Of the time to the common end, what a part takes that is cut to even out what was predicted wrong.
constexpr double kEarlyShare = 0.45;
// Such a part is at least so many times as long as its own forward passes, which are what it costs more.
constexpr double kEarlyForwards = 5;
// The last piece is cut where it then ends by this share earlier.
constexpr double kGainOfLast = 0.15;
// A rank waits for another only where that ends by this share earlier.
constexpr double kBetterBy = 0.05;
// What may end too late for a rank is left to those that end it by this share earlier.
constexpr double kMuchBetterBy = 0.25;
// Of the time to the common end, how long an answer to wait holds for slower ranks.
constexpr double kWaitShare = 0.01;

double longest_alone(const UnitCost& unit, size_t first, size_t last) {
  double longest = 0;
  for (size_t i = first; i < last; ++i) {
    longest = std::max(longest, unit.cell_seconds[i] + unit.forward_seconds[i]);
  }
  return longest;
}

double longest_forward(const UnitCost& unit, size_t first, size_t last) {
  return *std::max_element(unit.forward_seconds.begin() + static_cast<ptrdiff_t>(first),
                           unit.forward_seconds.begin() + static_cast<ptrdiff_t>(last));
}

//! How well a rank is known: a place in the arrays of shares.
size_t n_known(int64_t n_finished) {
  return static_cast<size_t>(std::min<int64_t>(n_finished, std::ssize(kSafeShares) - 1));
}

//! The end of the most cells from `first` on, one at least, that take these seconds together.
size_t cells_within(const UnitCost& unit, size_t first, size_t last, double seconds) {
  double cells = 0, forward = 0;
  for (size_t i = first; i < last; ++i) {
    cells += unit.cell_seconds[i];
    forward = std::max(forward, unit.forward_seconds[i]);
    if (cells + forward > seconds && i > first) return i;
  }
  return last;
}

}  // namespace

double UnitCost::seconds(size_t first, size_t last) const {
  double cells = 0, forward = 0;
  for (size_t i = first; i < last; ++i) {
    cells += cell_seconds[i];
    forward = std::max(forward, forward_seconds[i]);
  }
  return cells + forward;
}

bool Scheduler::Piece::operator<(const Piece& other) const {
  return std::tuple(-seconds, unit, first) < std::tuple(-other.seconds, other.unit, other.first);
}

struct Scheduler::View {
  int rank = 0;
  double now = 0;
  //! Of the rank that asks.
  double speed = 1;
  int64_t asked_before = 0;
  std::vector<double> free_at = {};
  std::vector<double> speeds = {};
  //! When all would end together.
  double end = 0;
  //! Whether others are faster, or may be.
  bool leaves_long = false;
  //! Of the time until then, what may be taken by a part that is cut early, and by any work.
  double early_share = kEarlyShare;
  double late_share = 1;

  double room() const { return speed * (end - now); }
  double ends(double seconds) const { return now + seconds / speed; }
};

Scheduler::Scheduler(std::vector<UnitCost> units, int n_ranks, bool splits)
    : units_(std::move(units)),
      splits_(splits && n_ranks > 1),
      speeds_(n_ranks),
      waits_since_(static_cast<size_t>(n_ranks)),
      wait_until_(-std::numeric_limits<double>::infinity()) {
  for (size_t unit = 0; unit < units_.size(); ++unit) {
    const size_t n = units_[unit].cell_seconds.size();
    unit_cells_left_.push_back(0);
    if (n == 0) continue;
    add(unit, 0, n);
    longest_cells_.emplace_back(splits_ ? longest_alone(units_[unit], 0, n) : units_[unit].seconds(0, n), unit);
  }
  std::ranges::sort(longest_cells_);
}

void Scheduler::add(size_t unit, size_t first, size_t last) {
  const UnitCost& cost = units_[unit];
  const double forward = longest_forward(cost, first, last);
  const Piece piece{cost.seconds(first, last), forward, unit, static_cast<uint32_t>(first),
                    static_cast<uint32_t>(last)};
  pieces_.insert(piece);
  seconds_left_ += piece.seconds;
  forward_left_ += forward;
  cells_left_ += last - first;
  unit_cells_left_[unit] += piece.last - piece.first;
}

double Scheduler::seconds_left() const {
  // A sum that falls piece by piece keeps errors of rounding.
  return pieces_.empty() ? 0 : std::max(0.0, seconds_left_);
}

Scheduler::Reply Scheduler::next(int rank, double now) {
  if (speeds_.is_busy(rank)) wait_until_ = -std::numeric_limits<double>::infinity();
  speeds_.finish(rank, now);
  if (pieces_.empty()) return {};
  const int64_t asked_before = std::exchange(waits_since_[rank], ++n_asked_);
  if (now < wait_until_ && speeds_.speed(rank) <= wait_speed_) return {Answer::kWait};
  const auto longest = pieces_.begin();
  if (is_early(*longest, rank)) return give(longest, longest->last, rank, now);
  View view = look(rank, now);
  view.asked_before = asked_before;
  if (leaves_long(view)) {
    const size_t known = n_known(speeds_.n_finished(rank));
    view.leaves_long = true;
    view.early_share = kSafeShares[known];
    view.late_share = kLessSafeShares[known];
  }
  if (const auto piece = choose_safe(view)) return give(*piece, (*piece)->last, rank, now);
  const bool ends_in_time = longest->seconds <= view.late_share * view.room();
  const uint32_t last = ends_in_time ? cut_early(*longest, view) : cut_to_end(*longest, view);
  if (last < longest->last || ends_in_time) return give(longest, last, rank, now);
  if (const auto piece = choose_late(view)) return give(*piece, (*piece)->last, rank, now);
  wait_until_ = now + kWaitShare * (view.end - now);
  wait_speed_ = view.speed;
  return {Answer::kWait};
}

Scheduler::Reply Scheduler::give(Pieces::iterator place, uint32_t last, int rank, double now) {
  const Piece piece = *place;
  pieces_.erase(place);
  seconds_left_ -= piece.seconds;
  forward_left_ -= piece.forward;
  cells_left_ -= piece.last - piece.first;
  unit_cells_left_[piece.unit] -= piece.last - piece.first;
  if (last < piece.last) add(piece.unit, last, piece.last);
  const double seconds = units_[piece.unit].seconds(piece.first, last);
  speeds_.start(rank, seconds, now);
  waits_since_[rank] = 0;
  wait_until_ = -std::numeric_limits<double>::infinity();
  return {Answer::kWork, {piece.unit, piece.first, last, seconds}};
}

double Scheduler::safe_share(int rank) const {
  return kSafeShares[n_known(speeds_.n_finished(rank))];
}

//! Whether it ends early enough without a closer look.
bool Scheduler::is_early(const Piece& piece, int rank) const {
  const double to_end = seconds_left() / (speeds_.mean() * speeds_.n_ranks());
  return piece.seconds / speeds_.speed(rank) < safe_share(rank) / 1.25 * to_end;
}

Scheduler::View Scheduler::look(int rank, double now) {
  View view{.rank = rank, .now = now, .speed = speeds_.speed(rank)};
  for (int other = 0; other < speeds_.n_ranks(); ++other) {
    view.free_at.push_back(speeds_.free_at(other, now));
    view.speeds.push_back(speeds_.speed(other));
  }
  view.end = std::max(common_end(view), now + longest_cell() / std::ranges::max(view.speeds));
  return view;
}

//! When what is left ends if it is poured over the ranks that are free before.
double Scheduler::common_end(const View& view) const {
  double end = std::numeric_limits<double>::infinity();
  // Ranks that are free too late are left out, which makes it earlier, until there are none.
  for (size_t n_before = view.speeds.size() + 1;;) {
    double speed = 0, work = seconds_left();
    size_t n = 0;
    for (size_t rank = 0; rank < view.speeds.size(); ++rank) {
      if (view.free_at[rank] >= end) continue;
      speed += view.speeds[rank];
      work += view.speeds[rank] * view.free_at[rank];
      ++n;
    }
    const size_t n_parts = splits_ ? std::min(n, cells_left_) : 0;
    if (n_parts > pieces_.size()) {
      work += static_cast<double>(n_parts - pieces_.size()) * forward_left_ / static_cast<double>(pieces_.size());
    }
    if (n == 0 || n >= n_before) return end;
    end = work / speed;
    n_before = n;
  }
}

//! The longest that is left and cannot be cut.
double Scheduler::longest_cell() {
  while (unit_cells_left_[longest_cells_.back().second] == 0) longest_cells_.pop_back();
  return longest_cells_.back().first;
}

//! Of a piece that ends in time, cells that end so early that the rest evens out what was predicted wrong.
uint32_t Scheduler::cut_early(const Piece& piece, const View& view) const {
  const double seconds = view.early_share * view.room();
  if (!splits_ || piece.seconds <= seconds) return piece.last;
  const UnitCost& unit = units_[piece.unit];
  const auto last = static_cast<uint32_t>(cells_within(unit, piece.first, piece.last, seconds));
  return unit.seconds(piece.first, last) >= kEarlyForwards * longest_forward(unit, piece.first, last) ? last
                                                                                                      : piece.last;
}

//! Of a piece that ends too late, cells that end in time; or later by no more than another forward pass costs.
uint32_t Scheduler::cut_to_end(const Piece& piece, const View& view) const {
  if (!splits_) return piece.last;
  const UnitCost& unit = units_[piece.unit];
  auto last = static_cast<uint32_t>(cells_within(unit, piece.first, piece.last, view.late_share * view.room()));
  if (last < piece.last && unit.seconds(piece.first, last + 1) <= view.late_share * view.room() + piece.forward) ++last;
  return last < piece.last && gains(piece, last, view) ? last : piece.last;
}

//! Whether a part, and the rest in parts on whatever rank is free first, end earlier than the whole: where other work
//! is left, which it delays, by more than what another forward pass costs.
bool Scheduler::gains(const Piece& piece, uint32_t cut, const View& view) const {
  const UnitCost& unit = units_[piece.unit];
  const double cell = longest_alone(unit, cut, piece.last);
  const double part_ends = view.ends(unit.seconds(piece.first, cut));
  double rest_ends = part_ends + cell / view.speed;
  for (size_t rank = 0; rank < view.speeds.size(); ++rank) {
    if (static_cast<int>(rank) == view.rank) continue;
    rest_ends = std::min(rest_ends, view.free_at[rank] + cell / view.speeds[rank]);
  }
  const double price = pieces_.size() > 1 ? piece.forward : kGainOfLast * piece.seconds;
  return std::max({part_ends, rest_ends, view.end}) + price / view.speed < view.ends(piece.seconds);
}

//! Whether a rank is slower than others, or may be, so that long work is theirs.
bool Scheduler::leaves_long(const View& view) const {
  return speeds_.n_finished(view.rank) < kKnown || n_better(pieces_.begin()->seconds, kMuchBetterBy, view) > 0;
}

//! For such a rank, where the longest piece would not surely end in time: the longest that will, or the shortest. From
//! the first and second, which are short, its speed is learned.
std::optional<Scheduler::Pieces::iterator> Scheduler::choose_safe(const View& view) const {
  if (!view.leaves_long) return std::nullopt;
  const auto safe = pieces_.lower_bound({.seconds = view.early_share * view.room()});
  if (safe == pieces_.begin()) return std::nullopt;
  if (safe != pieces_.end()) return safe;
  const auto shortest = std::prev(pieces_.end());
  return shortest->seconds <= view.late_share * view.room() ? std::optional(shortest) : std::nullopt;
}

//! How many ranks that are at work, or wait too, would end this work earlier. One that has not asked since the rank's
//! last question may have left.
size_t Scheduler::n_better(double seconds, double by, const View& view) const {
  const double to_beat = view.now + (1 - by) * seconds / view.speed;
  size_t n = 0;
  for (size_t rank = 0; rank < view.speeds.size(); ++rank) {
    const int other = static_cast<int>(rank);
    const bool is_there = speeds_.is_busy(other) || waits_since_[rank] > std::max<int64_t>(view.asked_before, 0);
    if (other == view.rank || !is_there) continue;
    n += view.free_at[rank] + seconds / view.speeds[rank] < to_beat ? 1 : 0;
  }
  return n;
}

//! Where the longest piece would end late: that, where no rank would end it earlier; else the longest that ends in
//! time; else the first for which there is no better rank, or none.
std::optional<Scheduler::Pieces::iterator> Scheduler::choose_late(const View& view) const {
  const size_t n = n_better(pieces_.begin()->seconds, kBetterBy, view);
  if (n == 0) return pieces_.begin();
  if (const auto fits = pieces_.lower_bound({.seconds = view.room()}); fits != pieces_.end()) return fits;
  if (n >= pieces_.size()) return std::nullopt;
  return std::next(pieces_.begin(), static_cast<ptrdiff_t>(n));
}

}  // namespace saesweep::sweep
