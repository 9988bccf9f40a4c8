#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "results/cell_row.h"
#include "results/reader.h"
#include "results/schema.h"

namespace saesweep::results {

//! The last stage of a found cell that holds for a cell asked for: none unless the train ids are equal, trained or
//! evaluated where the ids of the stages after it differ.
Stage valid_stage(const CellStatus& found, const CellRow& asked);

//! A row of one of several files, as far as it holds for a cell asked for.
struct Origin {
  size_t file = 0;
  uint64_t row = 0;
  //! The last stage that holds.
  Stage stage = Stage::kNone;
  //! Done where all stages asked for hold, or where it was done under the same ids; failed where the stage that failed
  //! would be the same again; else to come.
  State state = State::kToCome;
};

//! What several results files hold of the cells of one sweep.
class Origins {
 public:
  //! files: the cells of each. A row that has reached last_stage is done.
  Origins(std::vector<std::vector<CellStatus>> files, Stage last_stage);
  Origins(Origins&&) = default;
  Origins& operator=(Origins&&) = default;

  //! The row that holds furthest for a cell; at equal stages one that is done before one that failed, and that before
  //! others; then that of the first file. Nothing where no file has the train id.
  std::optional<Origin> find(const CellRow& asked) const;

  //! The row asked for; where it asks for no scores, with the score id of the row that is scored furthest among those
  //! evaluated alike: scores that are not asked for are kept.
  CellRow with_kept_scores(const CellRow& asked) const;

  const CellStatus& at(const Origin& origin) const { return files_[origin.file][origin.row]; }
  const std::vector<std::vector<CellStatus>>& files() const { return files_; }

 private:
  struct Place {
    size_t file;
    uint64_t row;
  };
  Origin judge(const Place& place, const CellRow& asked) const;

  std::vector<std::vector<CellStatus>> files_;
  Stage last_stage_;
  //! By train id, in the order of the files. Views ids in files_.
  std::unordered_map<std::string_view, std::vector<Place>> places_;
};

}  // namespace saesweep::results
