#include "autointerp/scores.h"

#include <algorithm>
#include <cmath>

#include "metrics/correlation.h"
#include "metrics/ranking.h"

namespace saesweep::autointerp {

Ranking ranking_of(const Judged& judged) {
  std::vector<double> probabilities;
  std::vector<uint8_t> truths, answers, answered_truths;
  for (size_t i = 0; i < judged.answers.size(); ++i) {
    const Answer& answer = judged.answers[i];
    const uint8_t truth = judged.examples[i].truth ? 1 : 0;
    if (!std::isnan(answer.probability)) {
      probabilities.push_back(answer.probability);
      truths.push_back(truth);
    }
    if (answer.answer >= 0) {
      answers.push_back(static_cast<uint8_t>(answer.answer));
      answered_truths.push_back(truth);
    }
  }
  return {metrics::auroc(probabilities, truths), metrics::balanced_accuracy(answers, answered_truths)};
}

SimulationScore simulation_score(const Simulated& simulated, const LatentExamples& examples) {
  SimulationScore score;
  std::vector<double> predicted, truth;
  std::vector<std::vector<double>> predicted_by(kQuantiles), truth_by(kQuantiles);
  for (size_t i = 0; i < simulated.predicted.size(); ++i) {
    const Window& window = examples.firing[simulated.places[i]];
    const auto quantile = static_cast<size_t>(examples.firing_quantile[simulated.places[i]]);
    for (size_t token = 0; token < simulated.predicted[i].size(); ++token) {
      const double value = simulated.predicted[i][token];
      if (std::isnan(value)) continue;
      predicted.push_back(value);
      truth.push_back(window.activations[token]);
      predicted_by[quantile].push_back(value);
      truth_by[quantile].push_back(window.activations[token]);
    }
  }
  score.correlation = metrics::pearson_correlation(predicted, truth);
  for (size_t i = 0; i < kQuantiles; ++i) {
    score.by_quantile[i] = metrics::pearson_correlation(predicted_by[i], truth_by[i]);
  }
  return score;
}

metrics::TokenEntropy entropy_of(const LatentExamples& examples, int64_t entropy_examples) {
  if (static_cast<int64_t>(examples.top.size()) < entropy_examples) return {};
  std::vector<uint32_t> ids;
  std::vector<float> activations;
  for (int64_t i = 0; i < entropy_examples; ++i) {
    const Window& window = examples.top[static_cast<size_t>(i)];
    ids.insert(ids.end(), window.ids.begin(), window.ids.end());
    activations.insert(activations.end(), window.activations.begin(), window.activations.end());
  }
  return metrics::token_entropy(ids, activations);
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  int64_t n = 0;
  for (const double value : values) {
    if (std::isnan(value)) continue;
    sum += value;
    ++n;
  }
  return n > 0 ? sum / static_cast<double>(n) : kMissing;
}

Judged pooled(const std::vector<LatentScores>& latents, Judged LatentScores::*member) {
  Judged all;
  for (const LatentScores& latent : latents) {
    const Judged& judged = latent.*member;
    all.examples.insert(all.examples.end(), judged.examples.begin(), judged.examples.end());
    all.answers.insert(all.answers.end(), judged.answers.begin(), judged.answers.end());
  }
  return all;
}

}  // namespace saesweep::autointerp
