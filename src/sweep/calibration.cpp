#include "sweep/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/errors.h"
#include "results/reader.h"

namespace saesweep::sweep {

namespace {

//! Sums over cells that have both numbers.
struct Sums {
  double planned = 0;
  double real = 0;
  int64_t n = 0;

  void add(const results::ResultsReader& reader, const std::string& stage) {
    const std::vector<double> counted = reader.numbers("/cells/planned_" + stage + "_seconds");
    const std::vector<double> taken = reader.numbers("/cells/" + stage + "_seconds");
    for (size_t i = 0; i < counted.size(); ++i) {
      if (!(counted[i] > 0 && taken[i] > 0)) continue;
      planned += counted[i];
      real += taken[i];
      ++n;
    }
  }
  double factor(double otherwise) const { return n > 0 ? real / planned : otherwise; }
};

}  // namespace

std::string Calibration::text() const {
  return fmt::format("training {:.2f}, evaluation {:.2f}, harvest {:.2f} times what is counted", factors.train,
                     factors.evaluate, factors.harvest);
}

Calibration calibrate(std::span<const std::filesystem::path> results) {
  Sums train, evaluate, harvest;
  for (const std::filesystem::path& path : results) {
    if (!std::filesystem::exists(path)) continue;
    try {
      const results::ResultsReader reader(path);
      train.add(reader, "train");
      evaluate.add(reader, "evaluate");
      harvest.add(reader, "harvest");
    } catch (const Error&) {  // it is a guess that grows better with more files, and no more
      continue;
    }
  }
  const Sums all{train.planned + evaluate.planned + harvest.planned, train.real + evaluate.real + harvest.real,
                 std::max({train.n, evaluate.n, harvest.n})};
  const double mean = all.factor(1);
  return {{train.factor(mean), evaluate.factor(mean), harvest.factor(mean)}, all.n};
}

}  // namespace saesweep::sweep
