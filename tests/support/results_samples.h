#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "results/cell_row.h"
#include "results/writer.h"

namespace saesweep::test {

//! Cells that differ in every column; every other one has a penalty.
inline std::vector<results::CellRow> sample_rows(uint64_t n) {
  std::vector<results::CellRow> rows;
  for (uint64_t i = 0; i < n; ++i) {
    const auto number = static_cast<int64_t>(i);
    const auto penalty = i % 2 == 0 ? std::nullopt : std::optional(0.5 + static_cast<double>(i));
    rows.push_back({"id" + std::to_string(i), "evaluate" + std::to_string(i), "", "/models/π-" + std::to_string(i),
                    "control", number, "layers." + std::to_string(i), number, "topk", 16 + number, 32 + number, penalty,
                    100 + number, (int64_t{1} << 40) + number});
  }
  return rows;
}

inline results::RootInfo sample_info() {
  return {"a sweep",
          "[sweep]\nname = \"a sweep\"\n",
          {{"saesweep", "0.1.0"}, {"hdf5", "1.10.8"}},
          "a machine",
          "2026-01-31T12:00:00Z",
          0,
          {},
          "2/8"};
}

//! Row `row` from not started to done, as a run would: explained_variance row + 0.25, firing rates i / 1024 of
//! 100 + row latents, a curve of three points.
inline void write_sample_cell(results::ResultsWriter& writer, uint64_t row) {
  const size_t n_latents = 100 + row;
  std::vector<float> rate(n_latents);
  for (size_t i = 0; i < n_latents; ++i) rate[i] = static_cast<float>(i) / 1024;
  writer.set_state(row, results::State::kStarted);
  writer.write(row, "n_latents", static_cast<int64_t>(n_latents));
  writer.write(row, "host", "node" + std::to_string(row));
  writer.write_curve(row, "step", std::vector<int64_t>{1, 10, 20});
  writer.write_curve(row, "loss", std::vector<double>{3.5, 2.5, static_cast<double>(row)});
  writer.set_stage(row, results::Stage::kTrained);
  writer.write(row, "explained_variance", static_cast<double>(row) + 0.25);
  writer.write_block(row, "/all_latents/firing_rate", rate);
  writer.set_stage(row, results::Stage::kEvaluated);
  writer.set_state(row, results::State::kDone);
}

}  // namespace saesweep::test
