#include "metrics/ranking.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/errors.h"
#include "metrics/lengths.h"

namespace saesweep::metrics {

namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

struct Scored {
  double score;
  bool truth;
};

std::vector<Scored> sorted(std::span<const double> scores, std::span<const uint8_t> truths) {
  std::vector<Scored> all;
  all.reserve(scores.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    if (std::isnan(scores[i])) throw SystemError("auroc: a score is NaN; missing scores are to be left out");
    all.push_back({scores[i], truths[i] != 0});
  }
  std::ranges::sort(all, {}, &Scored::score);
  return all;
}

}  // namespace

double auroc(std::span<const double> scores, std::span<const uint8_t> truths) {
  check_lengths("auroc", scores.size(), truths.size());
  const auto all = sorted(scores, truths);
  int64_t n_true = 0, n_false = 0;
  // Pairs in which the true one is higher, twice, so that ties are whole numbers, too.
  int64_t won_twice = 0;
  for (size_t first = 0, next = 0; first < all.size(); first = next) {
    int64_t tied_true = 0, tied_false = 0;
    for (; next < all.size() && all[next].score == all[first].score; ++next)
      ++(all[next].truth ? tied_true : tied_false);
    won_twice += tied_true * (2 * n_false + tied_false);
    n_true += tied_true;
    n_false += tied_false;
  }
  if (n_true == 0 || n_false == 0) return kMissing;
  return static_cast<double>(won_twice) / (2.0 * static_cast<double>(n_true) * static_cast<double>(n_false));
}

double balanced_accuracy(std::span<const uint8_t> answers, std::span<const uint8_t> truths) {
  check_lengths("balanced_accuracy", answers.size(), truths.size());
  // By truth: false, true.
  double n[2] = {0, 0}, right[2] = {0, 0};
  for (size_t i = 0; i < answers.size(); ++i) {
    const bool truth = truths[i] != 0;
    n[truth] += 1;
    if ((answers[i] != 0) == truth) right[truth] += 1;
  }
  return n[0] > 0 && n[1] > 0 ? (right[0] / n[0] + right[1] / n[1]) / 2 : kMissing;
}

}  // namespace saesweep::metrics
