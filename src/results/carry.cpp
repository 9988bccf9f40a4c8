#include "results/carry.h"

#include <algorithm>
#include <map>
#include <string>

#include "results/blocks.h"
#include "results/header.h"

namespace saesweep::results {

namespace {

// A stage of an older file counts where its columns are whole there and its id is the same.
Stage stage_of_equal_ids(const CellRow& found, const CellRow& asked) {
  if (found.id != asked.id) return Stage::kNone;
  if (found.evaluate_id != asked.evaluate_id) return Stage::kTrained;
  return found.score_id != asked.score_id ? Stage::kEvaluated : Stage::kScored;
}

std::vector<int64_t> match(const h5::File& older, const Shape& shape, std::span<const Vocabulary> vocabularies) {
  const std::vector<std::string> texts = older.open_dataset("/vocabularies/token").read_texts();
  const size_t width = older.open_dataset("/vocabularies/token").element_bytes();
  const auto is_same = [&](size_t row, const Vocabulary& vocabulary) {
    if (vocabulary.size() > shape.n_tokens) return false;
    for (size_t id = 0; id < shape.n_tokens; ++id) {
      // Texts of fixed length end at their first zero byte.
      const std::string expected = id < vocabulary.size() ? h5::cut_text(vocabulary[id], width).c_str() : "";
      if (texts[row * shape.n_tokens + id] != expected) return false;
    }
    return true;
  };
  std::vector<int64_t> matches(shape.n_vocabularies, -1);
  for (size_t row = 0; row < matches.size(); ++row) {
    const auto found = std::ranges::find_if(vocabularies, [&](const auto& one) { return is_same(row, one); });
    if (found != vocabularies.end()) matches[row] = found - vocabularies.begin();
  }
  return matches;
}

// Copies rows of two open files.
class RowCopy {
 public:
  RowCopy(const h5::File& older, h5::File& newer) {
    for (const Dataset& one : schema()) {
      const std::string path(one.path);
      if (one.stage != Stage::kNone)
        columns_.push_back({one.stage, older.open_dataset(path), newer.open_dataset(path)});
    }
  }

  void copy(uint64_t from, uint64_t to, Stage last) {
    for (Column& column : columns_) {
      if (column.stage <= last) copy(column, from, to);
    }
  }

 private:
  struct Column {
    Stage stage;
    h5::Dataset older;
    h5::Dataset newer;
  };

  static void copy(Column& column, uint64_t from, uint64_t to) {
    h5::Slab box{std::vector<hsize_t>(column.older.dims().size(), 0), column.older.dims()};
    for (size_t i = 1; i < box.count.size(); ++i) box.count[i] = std::min(box.count[i], column.newer.dims()[i]);
    box.start[0] = from;
    box.count[0] = 1;
    for_each_block(box, column.older.element_bytes(), [&](const h5::Slab& block) {
      h5::Slab place = block;
      place.start[0] = to;
      column.newer.write_bytes(place, column.older.read_bytes(block));
    });
  }

  std::vector<Column> columns_;
};

template <typename T>
void put(h5::File& file, const char* path, uint64_t row, const T& value) {
  file.open_dataset(path).write_slab({{row}, {1}}, std::span<const T>(&value, 1));
}

// Whether the cell would fail again: the settings of the stage that it failed in are the same.
bool stays_failed(const CellStatus& found, const CellRow& asked) {
  return found.state == State::kFailed && found.stage < stage_of_equal_ids(found.row, asked);
}

void write_progress(const Carried& carried, h5::File& file, const CellStatus& found, const CellRow& asked, Stage stage,
                    uint64_t row) {
  put(file, "/cells/stage", row, static_cast<uint8_t>(stage));
  const bool failed = stays_failed(found, asked);
  if (failed) put(file, "/cells/failure", row, found.failure);
  // A whole row of a cell that the sweep has no more is as done as it was.
  const bool stays_done = found.state == State::kDone && found.row == asked && found.stage == stage;
  const bool is_done = stays_done || stage >= carried.last_stage;
  const State state = failed ? State::kFailed : is_done ? State::kDone : State::kToCome;
  put(file, "/cells/state", row, static_cast<uint8_t>(state));
}

// The vocabulary's place in the new file; -1 where it is not there, and its token ids mean nothing.
int64_t vocabulary_of(const Carried& carried, const h5::File& older, uint64_t row) {
  const int64_t place = older.open_dataset("/cells/vocabulary").read_slab<int64_t>({{row}, {1}}).front();
  const bool is_known = place >= 0 && place < static_cast<int64_t>(carried.vocabularies.size());
  return is_known ? carried.vocabularies[static_cast<size_t>(place)] : -1;
}

}  // namespace

Stage valid_stage(const CellStatus& found, const CellRow& asked) {
  return std::min(found.stage, stage_of_equal_ids(found.row, asked));
}

State valid_state(const CellStatus& found, const CellRow& asked) {
  if (found.row == asked) return found.state;
  if (stays_failed(found, asked)) return State::kFailed;
  return State::kToCome;
}

Carried find_carried(const std::filesystem::path& older, std::span<const Vocabulary> vocabularies, Stage last_stage) {
  const h5::File file = open_results(older);
  return {older, read_cells(older), match(file, shape_of(file), vocabularies), last_stage};
}

void carry_rows(const Carried& carried, h5::File& file, std::span<const CellRow> rows, RowRange range) {
  const h5::File older = open_results(carried.older);
  std::map<std::string_view, uint64_t> places;
  for (size_t i = 0; i < carried.cells.size(); ++i) places.emplace(carried.cells[i].row.id, i);
  RowCopy columns(older, file);
  for (uint64_t row = range.first; row < range.last; ++row) {
    const auto place = places.find(rows[row].id);
    if (place == places.end()) continue;
    const CellStatus& found = carried.cells[place->second];
    Stage stage = valid_stage(found, rows[row]);
    const bool is_harvested = stage >= Stage::kHarvested;
    const int64_t vocabulary = is_harvested ? vocabulary_of(carried, older, place->second) : -1;
    if (is_harvested && vocabulary < 0) stage = Stage::kEvaluated;
    columns.copy(place->second, row, stage);
    if (stage >= Stage::kHarvested) put(file, "/cells/vocabulary", row, vocabulary);
    write_progress(carried, file, found, rows[row], stage, row);
  }
}

}  // namespace saesweep::results
