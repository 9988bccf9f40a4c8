#include "results/cell_row.h"

namespace saesweep::results {

const std::vector<std::pair<std::string_view, std::string CellRow::*>>& text_columns() {
  static const std::vector<std::pair<std::string_view, std::string CellRow::*>> columns{
      {"/cells/id", &CellRow::id},
      {"/cells/evaluate_id", &CellRow::evaluate_id},
      {"/cells/score_id", &CellRow::score_id},
      {"/cells/model", &CellRow::model},
      {"/cells/variant", &CellRow::variant},
      {"/cells/hookpoint", &CellRow::hookpoint},
      {"/cells/architecture", &CellRow::architecture},
  };
  return columns;
}

const std::vector<std::pair<std::string_view, int64_t CellRow::*>>& integer_columns() {
  static const std::vector<std::pair<std::string_view, int64_t CellRow::*>> columns{
      {"/cells/init_seed", &CellRow::init_seed},
      {"/cells/layer", &CellRow::layer},
      {"/cells/expansion_factor", &CellRow::expansion_factor},
      {"/cells/k", &CellRow::k},
      {"/cells/sae_seed", &CellRow::sae_seed},
      {"/cells/tokens", &CellRow::tokens},
  };
  return columns;
}

}  // namespace saesweep::results
