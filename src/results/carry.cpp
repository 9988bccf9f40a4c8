#include "results/carry.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "results/blocks.h"
#include "results/header.h"

namespace saesweep::results {

namespace {

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

// Rows that stand one after the other in both files, and of which the same stages hold.
struct Run {
  uint64_t from = 0;
  uint64_t to = 0;
  uint64_t n = 0;
  Stage stage = Stage::kNone;

  bool takes(const Run& next) const { return next.from == from + n && next.to == to + n && next.stage == stage; }
};

void append(std::vector<Run>& runs, const Run& row) {
  if (!runs.empty() && runs.back().takes(row)) {
    ++runs.back().n;
  } else {
    runs.push_back(row);
  }
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

  void copy(const Run& run) {
    for (Column& column : columns_) {
      if (column.stage <= run.stage) copy(column, run);
    }
  }

 private:
  struct Column {
    Stage stage;
    h5::Dataset older;
    h5::Dataset newer;
  };

  static void copy(Column& column, const Run& run) {
    h5::Slab box{std::vector<hsize_t>(column.older.dims().size(), 0), column.older.dims()};
    for (size_t i = 1; i < box.count.size(); ++i) box.count[i] = std::min(box.count[i], column.newer.dims()[i]);
    box.start[0] = run.from;
    box.count[0] = run.n;
    for_each_block(box, column.older.element_bytes(), [&](const h5::Slab& block) {
      h5::Slab place = block;
      place.start[0] = run.to + block.start[0] - run.from;
      column.newer.write_bytes(place, column.older.read_bytes(block));
    });
  }

  std::vector<Column> columns_;
};

// How far the rows of a range are.
struct Progress {
  std::vector<uint8_t> states, stages;
  std::vector<std::string> failures;

  explicit Progress(uint64_t n) : states(n), stages(n), failures(n) {}

  void write(h5::File& file, RowRange range) const {
    const h5::Slab slab{{range.first}, {range.last - range.first}};
    file.open_dataset("/cells/failure").write_slab(slab, failures);
    file.open_dataset("/cells/stage").write_slab<uint8_t>(slab, stages);
    file.open_dataset("/cells/state").write_slab<uint8_t>(slab, states);
  }
};

// The vocabulary's place in the new file; -1 where it is not there, and the row's token ids mean nothing.
int64_t vocabulary_of(const CarriedVocabularies& vocabularies, uint64_t row) {
  const int64_t place = vocabularies.of_rows[row];
  const bool is_known = place >= 0 && place < static_cast<int64_t>(vocabularies.matches.size());
  return is_known ? vocabularies.matches[static_cast<size_t>(place)] : -1;
}

}  // namespace

Carried find_carried(std::span<const std::filesystem::path> older, std::span<const Vocabulary> vocabularies,
                     Stage last_stage) {
  std::vector<h5::File> files;
  std::vector<std::vector<CellStatus>> cells;
  std::vector<CarriedVocabularies> found;
  for (const std::filesystem::path& path : older) {
    files.push_back(open_results(path));
    const h5::File& file = files.back();
    // Before the columns: what a running job has not yet said to be written then counts for nothing.
    cells.push_back(read_cells(file));
    found.push_back(
        {match(file, shape_of(file), vocabularies), file.open_dataset("/cells/vocabulary").read<int64_t>()});
  }
  return {std::move(files), Origins(std::move(cells), last_stage), std::move(found)};
}

void carry_rows(const Carried& carried, h5::File& file, std::span<const CellRow> rows, RowRange range) {
  std::vector<std::vector<Run>> runs(carried.files.size());
  std::vector<std::pair<uint64_t, int64_t>> vocabularies;
  Progress progress(range.last - range.first);
  for (uint64_t row = range.first; row < range.last; ++row) {
    const std::optional<Origin> origin = carried.origins.find(rows[row]);
    if (!origin) continue;
    Stage stage = origin->stage;
    State state = origin->state;
    if (stage >= Stage::kHarvested) {
      const int64_t vocabulary = vocabulary_of(carried.vocabularies[origin->file], origin->row);
      if (vocabulary >= 0) {
        vocabularies.emplace_back(row, vocabulary);
      } else {
        stage = Stage::kEvaluated;
        state = State::kToCome;
      }
    }
    append(runs[origin->file], {origin->row, row, 1, stage});
    progress.stages[row - range.first] = static_cast<uint8_t>(stage);
    progress.states[row - range.first] = static_cast<uint8_t>(state);
    if (state == State::kFailed) progress.failures[row - range.first] = carried.origins.at(*origin).failure;
  }
  for (size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].empty()) continue;
    RowCopy columns(carried.files[i], file);
    for (const Run& run : runs[i]) columns.copy(run);
  }
  h5::Dataset column = file.open_dataset("/cells/vocabulary");
  for (const auto& [row, place] : vocabularies) column.write_slab<int64_t>({{row}, {1}}, {&place, 1});
  if (range.last > range.first) progress.write(file, range);
}

}  // namespace saesweep::results
