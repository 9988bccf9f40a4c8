// metric_values: computes metrics for tests/python/test_metrics.py. Reads a JSON object a line, {"metric": name, ...},
// and prints a line of values for each, in full precision.
#include <fmt/format.h>

#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "base/json.h"
#include "metrics/calibration.h"
#include "metrics/correlation.h"
#include "metrics/ranking.h"
#include "metrics/token_entropy.h"

namespace {

using namespace saesweep;
using Numbers = std::vector<double>;
using Truths = std::vector<uint8_t>;

Numbers values_of(const Json& asked) {
  const auto metric = asked.at("metric").get<std::string>();
  if (metric == "auroc") return {metrics::auroc(asked.at("scores").get<Numbers>(), asked.at("truths").get<Truths>())};
  if (metric == "balanced_accuracy") {
    return {metrics::balanced_accuracy(asked.at("answers").get<Truths>(), asked.at("truths").get<Truths>())};
  }
  if (metric == "pearson_correlation") {
    return {metrics::pearson_correlation(asked.at("x").get<Numbers>(), asked.at("y").get<Numbers>())};
  }
  if (metric == "token_entropy") {
    const auto result = metrics::token_entropy(asked.at("ids").get<std::vector<uint32_t>>(),
                                               asked.at("activations").get<std::vector<float>>());
    return {result.entropy, result.miller_madow, static_cast<double>(result.n_active),
            static_cast<double>(result.n_distinct)};
  }
  return {metrics::expected_calibration_error(asked.at("probabilities").get<Numbers>(),
                                              asked.at("truths").get<Truths>(), asked.at("bins").get<int64_t>())};
}

}  // namespace

int main() try {
  std::string line;
  while (std::getline(std::cin, line)) fmt::print("{}\n", fmt::join(values_of(Json::parse(line)), " "));
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "metric_values: {}\n", error.what());
  return 2;
}
