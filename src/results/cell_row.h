#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace saesweep::results {

//! The identifying columns of a cell: they are written when the file is made.
struct CellRow {
  std::string id;
  std::string evaluate_id;
  //! Empty where the sweep asks for no scores.
  std::string score_id;
  std::string model;
  std::string variant;
  int64_t init_seed = -1;
  std::string hookpoint;
  int64_t layer = -1;
  std::string architecture;
  int64_t expansion_factor = 0;
  int64_t k = 0;
  //! Weight of the sparsity loss; NaN in the file where the architecture has none.
  std::optional<double> penalty = {};
  int64_t sae_seed = 0;
  int64_t tokens = 0;

  bool operator==(const CellRow&) const = default;
};

//! The dataset of each member of CellRow.
const std::vector<std::pair<std::string_view, std::string CellRow::*>>& text_columns();
const std::vector<std::pair<std::string_view, int64_t CellRow::*>>& integer_columns();

//! Texts of token ids, as UTF-8, from id 0 on. Longer ones are cut at a character.
using Vocabulary = std::vector<std::string>;

//! A cell of the whole sweep, of which a file may hold a part.
struct GridEntry {
  std::string id;
  std::string evaluate_id;
  std::string score_id;
  //! One line for people.
  std::string settings;

  bool operator==(const GridEntry&) const = default;
};

//! What a results file says of the run that made it: its root attributes.
struct RootInfo {
  //! [sweep] name.
  std::string sweep_name;
  //! The sweep with every default filled in, as TOML.
  std::string sweep;
  //! Versions by name (saesweep, torch, hdf5, mpi, ...); attribute `software_<name>` each.
  std::map<std::string, std::string> software;
  //! Host, processor, device: one line.
  std::string machine;
  //! When the file was made, UTC, as 2026-01-31T12:00:00Z.
  std::string created;
  //! JSON lines of the text that were left out as bad ([text] on_bad_line = "skip").
  int64_t n_bad_lines = 0;
  //! Texts of the prompt files that the judge was asked by, by task; attribute `prompt_<task>` each. Longer ones than
  //! 60,000 bytes are cut: an attribute holds no more.
  std::map<std::string, std::string> prompts = {};
  //! "2/8" where the file holds a shard of the sweep; "" where it holds all.
  std::string shard = {};
  //! What the rows are of: "sweep", or "toy" (docs/results.md).
  std::string kind = "sweep";

  bool operator==(const RootInfo&) const = default;
};

}  // namespace saesweep::results
