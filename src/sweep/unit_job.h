#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "autointerp/harvest_file.h"
#include "base/json.h"
#include "results/schema.h"
#include "results/writer.h"
#include "sae/sae.h"
#include "sweep/cell.h"
#include "sweep/work_left.h"
#include "train/sae_trainer.h"

namespace saesweep::sweep {

//! Training steps between two points of a curve, and how many points the curve has.
struct CurvePoints {
  int64_t every = 1;
  int64_t n = 0;
};
CurvePoints curve_points(int64_t n_steps);

//! "trained", "evaluated", ...; "none".
std::string_view name_of(results::Stage stage);

//! Training history of a cell.
struct Curve {
  std::vector<int64_t> step, tokens;
  std::vector<double> loss, explained_variance, l0, dead_fraction, learning_rate;

  //! Keeps the report where a point of the curve falls on its step.
  void add(const train::StepReport& report, int64_t n_steps, int64_t batch_tokens);
  void write(results::ResultsWriter& results, uint64_t row) const;

  Json to_json() const;
  //! Throws ModelError where it is no curve.
  static Curve from_json(const Json& json);
};

//! A cell while its unit runs.
struct Job {
  const Cell* cell;
  uint64_t row;
  results::Stage stage;
  //! Of the unit's hookpoints.
  size_t hookpoint;
  CellWork work = {};
  //! One of these two, while an SAE is needed.
  std::unique_ptr<train::SaeTrainer> trainer = {};
  std::optional<sae::Sae> loaded = {};
  //! What a run before this one harvested.
  std::optional<autointerp::StoredHarvest> harvested = {};
  Curve curve = {};
  double train_seconds = 0;
  double evaluate_seconds = 0;
  double harvest_seconds = 0;
  bool failed = false;
  //! Nothing is left to do here: scored, or with the judge.
  bool is_through = false;

  //! The work by what is there: the stage, the trainer's steps (else what was counted as trained), a harvest.
  CellWork work_now() const;
  const sae::Sae& sae() const { return loaded ? *loaded : trainer->sae(); }
  bool trains() const { return trainer != nullptr && !failed && trainer->steps_done() < trainer->n_steps(); }
};

}  // namespace saesweep::sweep
