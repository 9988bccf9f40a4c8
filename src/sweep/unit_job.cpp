#include "sweep/unit_job.h"

#include <algorithm>

#include "base/errors.h"

namespace saesweep::sweep {

namespace {

constexpr int64_t kCurvePoints = 100;

}  // namespace

std::string_view name_of(results::Stage stage) {
  switch (stage) {
    case results::Stage::kTrained:
      return "trained";
    case results::Stage::kEvaluated:
      return "evaluated";
    case results::Stage::kHarvested:
      return "harvested";
    case results::Stage::kScored:
      return "scored";
    case results::Stage::kNone:
      break;
  }
  return "none";
}

CurvePoints curve_points(int64_t n_steps) {
  const int64_t every = std::max<int64_t>(1, n_steps / kCurvePoints);
  return {every, n_steps / every};
}

void Curve::add(const train::StepReport& report, int64_t n_steps, int64_t batch_tokens) {
  if ((report.step + 1) % curve_points(n_steps).every != 0) return;
  step.push_back(report.step + 1);
  tokens.push_back((report.step + 1) * batch_tokens);
  loss.push_back(report.loss);
  explained_variance.push_back(1.0 - report.fvu);
  l0.push_back(report.l0);
  dead_fraction.push_back(report.dead_fraction);
  learning_rate.push_back(report.learning_rate);
}

void Curve::write(results::ResultsWriter& results, uint64_t row) const {
  results.write_curve(row, "step", step);
  results.write_curve(row, "tokens", tokens);
  results.write_curve(row, "loss", loss);
  results.write_curve(row, "explained_variance", explained_variance);
  results.write_curve(row, "l0", l0);
  results.write_curve(row, "dead_fraction", dead_fraction);
  results.write_curve(row, "learning_rate", learning_rate);
}

Json Curve::to_json() const {
  return {{"step", step},
          {"tokens", tokens},
          {"loss", loss},
          {"l0", l0},
          {"dead_fraction", dead_fraction},
          {"explained_variance", explained_variance},
          {"learning_rate", learning_rate}};
}

Curve Curve::from_json(const Json& json) {
  try {
    return {.step = json.at("step"),
            .tokens = json.at("tokens"),
            .loss = json.at("loss"),
            .explained_variance = json.at("explained_variance"),
            .l0 = json.at("l0"),
            .dead_fraction = json.at("dead_fraction"),
            .learning_rate = json.at("learning_rate")};
  } catch (const Json::exception& error) {
    throw ModelError("checkpoint", std::string("no training curve: ") + error.what());
  }
}

CellWork Job::work_now() const {
  CellWork now = work;
  if (failed || is_through) {
    now.finish();
    return now;
  }
  const bool is_trained = stage >= results::Stage::kTrained;
  const bool is_begun = trainer != nullptr && trainer->n_steps() > 0;
  now.trained = is_trained ? 1
                : is_begun ? static_cast<double>(trainer->steps_done()) / static_cast<double>(trainer->n_steps())
                           : now.trained;
  now.evaluated = stage >= results::Stage::kEvaluated ? 1 : 0;
  now.harvested = harvested ? 1 : 0;
  return now;
}

}  // namespace saesweep::sweep
