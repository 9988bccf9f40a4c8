#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "sweep/cell.h"
#include "sweep/inputs.h"
#include "sweep/options.h"

namespace saesweep::sweep {

//! Fills the ids of a cell whose other fields are set: hex of the first 16 bytes of the SHA-256 over the canonical
//! JSON of the settings that decide a stage's result and of the id of the stage before. Settings that change no
//! result (paths, names, threads, cells per unit, the endpoint's address and limits) stay out. Of prompts their texts
//! enter. Without [autointerp] there is neither a score id nor a harvest id. [run] device must be resolved
//! (sweep/device.h).
void assign_ids(Cell& cell, const SweepOptions& options, const ResolvedInputs& inputs);

//! The same for many cells of a sweep, fast: what equal settings are written as is kept. Views the options and inputs,
//! which must not change.
class CellIds {
 public:
  CellIds(const SweepOptions& options, const ResolvedInputs& inputs);
  void assign(Cell& cell);

 private:
  //! JSON as text, before and after one value that differs from cell to cell.
  struct Frame {
    std::string before;
    std::string after;
    //! Hash of the text with the value.
    std::string id_with(const std::string& value) const;
  };
  //! What decides the settings of an SAE, beside its seed and the sweep's. Penalties that are NaN would be equal to
  //! all.
  using SaeKey =
      std::tuple<sae::Architecture, int64_t, int64_t, std::optional<double>, int64_t, int64_t, int64_t, std::string>;
  using Place = std::tuple<std::string, std::string, model::Variant, int64_t, model::Hookpoint>;

  static Frame frame_of(const std::string& text, const std::string& key);
  //! Model and text, around the SAE.
  const Frame& place_of(const Cell& cell);
  const Frame& sae_of(const Cell& cell);

  const SweepOptions& options_;
  const ResolvedInputs& inputs_;
  //! Of the cell before.
  std::optional<Place> place_;
  Frame place_frame_;
  std::map<SaeKey, Frame> saes_;
  Frame evaluate_;
  Frame harvest_;
  Frame score_;
};

}  // namespace saesweep::sweep
