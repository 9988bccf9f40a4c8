#include "evaluate/harvest.h"

#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "base/random.h"

namespace saesweep::evaluate {

namespace {

//! Latents followed in the first reading, for each that is wanted: most SAEs need no second one.
constexpr int64_t kFollowedEach = 4;
constexpr int64_t kFollowedMore = 64;
//! Nearest latents whose windows serve as silent ones.
constexpr int64_t kNeighbours = 10;

//! The latents of the largest scores but `self`, largest first; of equal ones the first.
std::vector<int64_t> nearest(const std::vector<double>& scores, int64_t self) {
  std::vector<int64_t> latents(scores.size());
  std::iota(latents.begin(), latents.end(), 0);
  latents.erase(latents.begin() + self);
  const auto n = std::min<size_t>(kNeighbours, latents.size());
  std::partial_sort(latents.begin(), latents.begin() + static_cast<int64_t>(n), latents.end(),
                    [&](int64_t a, int64_t b) {
                      const double of_a = scores[static_cast<size_t>(a)], of_b = scores[static_cast<size_t>(b)];
                      return of_a != of_b ? of_a > of_b : a < b;
                    });
  latents.resize(n);
  return latents;
}

}  // namespace

Harvest::Harvest(const HarvestText& text, std::string text_hash, HarvestOptions options, int64_t sae_seed,
                 at::Tensor decoder)
    : text_(&text),
      text_hash_(std::move(text_hash)),
      options_(options),
      decoder_(std::move(decoder)),
      n_latents_(decoder_.size(0)),
      order_(permutation(static_cast<uint64_t>(n_latents_), Stream{"latents", sae_seed, n_latents_})),
      status_(static_cast<size_t>(n_latents_), LatentStatus::kNotDrawn),
      n_firing_windows_(static_cast<size_t>(n_latents_), 0) {}

std::vector<int64_t> Harvest::walk() const {
  std::vector<int64_t> walked;
  int64_t n_qualified = 0;
  for (const uint32_t latent : order_) {
    if (n_qualified == options_.n_latents) break;
    walked.push_back(latent);
    const LatentStatus status = status_[latent];
    n_qualified += status == LatentStatus::kQualified || status == LatentStatus::kNotDrawn ? 1 : 0;
  }
  return walked;
}

std::vector<int64_t> Harvest::to_follow() const {
  std::vector<int64_t> latents;
  if (aim_ == Aim::kLatents) {
    const auto known = [&](LatentStatus status) { return status != LatentStatus::kNotDrawn; };
    const bool is_first = std::none_of(status_.begin(), status_.end(), known);
    const auto n_most = static_cast<size_t>(kFollowedEach * options_.n_latents + kFollowedMore);
    const std::vector<int64_t> head(order_.begin(),
                                    order_.begin() + static_cast<int64_t>(std::min(n_most, order_.size())));
    for (const int64_t latent : is_first ? head : walk()) {
      const LatentStatus status = status_[static_cast<size_t>(latent)];
      const bool is_missing = status == LatentStatus::kQualified && !found_.contains(latent);
      if (is_missing || status == LatentStatus::kNotDrawn) latents.push_back(latent);
    }
  } else if (aim_ == Aim::kCooccurrence) {
    for (const auto& [latent, found] : found_) {
      if (found.neighbours.empty()) latents.push_back(latent);
    }
  } else if (aim_ == Aim::kNeighbours) {
    std::set<int64_t> missing;
    for (const auto& [latent, found] : found_) {
      for (const int64_t neighbour : found.neighbours) {
        if (!neighbours_.contains(neighbour)) missing.insert(neighbour);
      }
    }
    latents.assign(missing.begin(), missing.end());
  }
  return latents;
}

bool Harvest::begin_reading() {
  std::vector<int64_t> followed;
  while (aim_ != Aim::kDone && (followed = to_follow()).empty()) next_aim();
  if (aim_ == Aim::kDone) return false;
  CollectOptions collect{.is_centered = options_.is_centered, .counts_cooccurrence = aim_ == Aim::kCooccurrence};
  if (aim_ == Aim::kLatents) {
    collect.n_drawn = options_.n_drawn;
    collect.n_top = options_.n_top;
  } else if (aim_ == Aim::kNeighbours) {
    collect.n_drawn = options_.n_silent;
  }
  collector_.emplace(*text_, text_hash_, collect, n_latents_, followed);
  return true;
}

void Harvest::next_aim() {
  if (aim_ == Aim::kLatents && options_.negatives == Negatives::kCooccurrence) {
    aim_ = Aim::kCooccurrence;
  } else if (aim_ == Aim::kLatents && options_.negatives == Negatives::kDecoder) {
    find_by_decoder();
    aim_ = Aim::kNeighbours;
  } else if (aim_ == Aim::kCooccurrence) {
    aim_ = Aim::kNeighbours;
  } else {
    aim_ = Aim::kDone;
  }
}

void Harvest::end_reading() {
  if (aim_ == Aim::kLatents) {
    take_verdicts();
    take_latents();
  } else if (aim_ == Aim::kCooccurrence) {
    take_cooccurrences();
  } else {
    take_neighbours();
  }
  collector_.reset();
}

//! Windows that are cut from rows are counted for every latent, centered ones for those that are followed.
void Harvest::take_verdicts() {
  std::vector<int64_t> n_candidates(static_cast<size_t>(n_latents_), -1);
  for (int64_t latent = 0; latent < n_latents_; ++latent) {
    const auto i = static_cast<size_t>(latent);
    n_firing_windows_[i] = collector_->n_firing_windows(latent);
    if (!options_.is_centered || collector_->n_firings(latent) == 0) n_candidates[i] = n_firing_windows_[i];
  }
  for (size_t place = 0; place < collector_->followed().size(); ++place) {
    n_candidates[static_cast<size_t>(collector_->followed()[place])] = collector_->n_candidates(place);
  }
  for (int64_t latent = 0; latent < n_latents_; ++latent) {
    const auto i = static_cast<size_t>(latent);
    if (n_candidates[i] < 0) continue;
    const bool is_dense = text_->n_counted() - n_firing_windows_[i] < options_.n_silent;
    status_[i] = collector_->n_firings(latent) == 0       ? LatentStatus::kDead
                 : n_candidates[i] < options_.min_windows ? LatentStatus::kRare
                 : is_dense                               ? LatentStatus::kDense
                                                          : LatentStatus::kQualified;
  }
}

void Harvest::take_latents() {
  const std::vector<int64_t> walked = walk();
  const std::set<int64_t> needed(walked.begin(), walked.end());
  for (size_t place = 0; place < collector_->followed().size(); ++place) {
    const int64_t latent = collector_->followed()[place];
    if (!needed.contains(latent) || status_[static_cast<size_t>(latent)] != LatentStatus::kQualified) continue;
    Found found{.windows = {.latent = latent,
                            .n_firings = collector_->n_firings(latent),
                            .n_firing_windows = collector_->n_candidates(place),
                            .n_silent_windows = text_->n_counted() - collector_->n_firing_windows(latent),
                            .top = collector_->top(place),
                            .firing = collector_->drawn(place),
                            .silent = {}},
                .fires = collector_->firing_windows(place),
                .neighbours = {}};
    found_.emplace(latent, std::move(found));
  }
}

void Harvest::take_cooccurrences() {
  for (size_t place = 0; place < collector_->followed().size(); ++place) {
    const int64_t latent = collector_->followed()[place];
    const std::vector<int32_t>& together = collector_->cooccurrences(place);
    std::vector<double> jaccard(together.size());
    for (size_t other = 0; other < together.size(); ++other) {
      const int64_t either =
          n_firing_windows_[static_cast<size_t>(latent)] + n_firing_windows_[other] - together[other];
      jaccard[other] = either > 0 ? static_cast<double>(together[other]) / static_cast<double>(either) : 0;
    }
    found_.at(latent).neighbours = nearest(jaccard, latent);
  }
}

void Harvest::find_by_decoder() {
  const at::Tensor rows = decoder_.to(at::kCPU).to(at::kFloat);
  const at::Tensor unit = rows.div(at::linalg_vector_norm(rows, 2, at::IntArrayRef{1}, true).clamp_min(1e-30));
  for (auto& [latent, found] : found_) {
    const at::Tensor cosines = at::matmul(unit, unit[latent]).to(at::kDouble).contiguous();
    const double* values = cosines.const_data_ptr<double>();
    found.neighbours = nearest(std::vector<double>(values, values + n_latents_), latent);
  }
}

void Harvest::take_neighbours() {
  for (size_t place = 0; place < collector_->followed().size(); ++place) {
    neighbours_.emplace(collector_->followed()[place], collector_->drawn(place));
  }
}

uint64_t Harvest::bytes() const {
  return collector_ ? collector_->bytes() : 0;
}

bool Harvest::shrink() {
  if (!collector_ || collector_->followed().size() <= 1) return false;
  collector_->drop_last();
  return true;
}

bool Harvest::is_silent(const Found& found, const Window& window) const {
  const int64_t first = text_->place_of(window.row) * text_->windows_per_row();
  const int64_t window_tokens = text_->window_tokens();
  for (int64_t i = window.start / window_tokens; i <= (window.start + window_tokens - 1) / window_tokens; ++i) {
    if (found.fires[static_cast<size_t>(first + i)]) return false;
  }
  return true;
}

void Harvest::add_from_neighbours(Found& found) const {
  std::vector<Window>& silent = found.windows.silent;
  std::set<std::pair<int64_t, int32_t>> taken;
  size_t n_most = 0;
  for (const int64_t neighbour : found.neighbours) n_most = std::max(n_most, neighbours_.at(neighbour).size());
  for (size_t i = 0; i < n_most; ++i) {
    for (const int64_t neighbour : found.neighbours) {
      const std::vector<Window>& windows = neighbours_.at(neighbour);
      if (static_cast<int64_t>(silent.size()) == options_.n_silent) return;
      if (i >= windows.size() || !is_silent(found, windows[i])) continue;
      if (!taken.emplace(windows[i].row, windows[i].start).second) continue;
      silent.push_back(windows[i]);
      silent.back().activations.assign(windows[i].ids.size(), 0);
    }
  }
}

void Harvest::add_at_random(Found& found) const {
  std::vector<Window>& silent = found.windows.silent;
  const Stream stream{"silent windows", text_hash_, found.windows.latent};
  std::set<int64_t> taken;
  for (const Window& window : silent) {
    taken.insert(text_->place_of(window.row) * text_->windows_per_row() + window.start / text_->window_tokens());
  }
  // Enough of them are silent, so the draws come to an end.
  for (uint64_t draw = 0; static_cast<int64_t>(silent.size()) < options_.n_silent; ++draw) {
    const auto window = static_cast<int64_t>(stream.bits(draw) % static_cast<uint64_t>(text_->n_windows()));
    if (!text_->counts(window) || found.fires[static_cast<size_t>(window)] || !taken.insert(window).second) {
      if (draw > static_cast<uint64_t>(1000 * text_->n_windows())) return;
      continue;
    }
    const int64_t place = window / text_->windows_per_row();
    const int64_t start = window % text_->windows_per_row() * text_->window_tokens();
    silent.push_back(text_->cut(place, static_cast<int32_t>(start)));
    silent.back().activations.assign(silent.back().ids.size(), 0);
  }
}

void Harvest::add_silent(Found& found) const {
  if (options_.negatives != Negatives::kRandom) add_from_neighbours(found);
  add_at_random(found);
}

CellHarvest Harvest::finish() {
  CellHarvest harvest;
  harvest.status.assign(static_cast<size_t>(n_latents_), LatentStatus::kNotDrawn);
  harvest.n_tokens = text_->n_tokens();
  harvest.n_windows = text_->n_counted();
  for (const int64_t latent : walk()) {
    ++harvest.n_drawn;
    harvest.status[static_cast<size_t>(latent)] = status_[static_cast<size_t>(latent)];
    const auto found = found_.find(latent);
    if (found == found_.end()) continue;
    add_silent(found->second);
    harvest.latents.push_back(std::move(found->second.windows));
  }
  return harvest;
}

}  // namespace saesweep::evaluate
