#include "results/reader.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "h5/file.h"
#include "results/header.h"

namespace saesweep::results {

namespace {

//! Texts of fixed length are cut, and end at their first zero byte; empty ones at the end are none.
Vocabulary as_stored(const Vocabulary& vocabulary, size_t width) {
  Vocabulary stored;
  for (const std::string& text : vocabulary) stored.emplace_back(h5::cut_text(text, width).c_str());
  while (!stored.empty() && stored.back().empty()) stored.pop_back();
  return stored;
}

}  // namespace

struct ResultsReader::Impl {
  h5::File file;
  Shape shape;

  h5::Dataset open(std::string_view path) const { return file.open_dataset(std::string(dataset(path).path)); }
  std::vector<std::string> texts(std::string_view path) const { return open(path).read_texts(); }
  std::vector<int64_t> integers(std::string_view path) const { return open(path).read<int64_t>(); }
};

ResultsReader::ResultsReader(const std::filesystem::path& path)
    : impl_(std::make_unique<Impl>(Impl{open_results(path), {}})) {
  impl_->shape = shape_of(impl_->file);
}

ResultsReader::ResultsReader(ResultsReader&&) noexcept = default;
ResultsReader& ResultsReader::operator=(ResultsReader&&) noexcept = default;
ResultsReader::~ResultsReader() = default;

const Shape& ResultsReader::shape() const {
  return impl_->shape;
}

RootInfo ResultsReader::info() const {
  return read_root(impl_->file);
}

std::vector<CellStatus> ResultsReader::cells() const {
  return read_cells(impl_->file);
}

std::vector<GridEntry> ResultsReader::grid() const {
  std::vector<GridEntry> grid(impl_->shape.n_grid);
  const std::pair<const char*, std::string GridEntry::*> columns[] = {{"/grid/id", &GridEntry::id},
                                                                      {"/grid/evaluate_id", &GridEntry::evaluate_id},
                                                                      {"/grid/score_id", &GridEntry::score_id},
                                                                      {"/grid/settings", &GridEntry::settings}};
  for (const auto& [path, member] : columns) {
    auto values = impl_->texts(path);
    for (size_t i = 0; i < grid.size(); ++i) grid[i].*member = std::move(values[i]);
  }
  return grid;
}

std::vector<Vocabulary> ResultsReader::vocabularies() const {
  const auto tokens = impl_->texts("/vocabularies/token");
  const auto n_tokens = static_cast<std::ptrdiff_t>(impl_->shape.n_tokens);
  std::vector<Vocabulary> all;
  for (uint64_t i = 0; i < impl_->shape.n_vocabularies; ++i) {
    const auto first = tokens.begin() + static_cast<std::ptrdiff_t>(i) * n_tokens;
    all.emplace_back(first, first + n_tokens);
    while (!all.back().empty() && all.back().back().empty()) all.back().pop_back();
  }
  return all;
}

void ResultsReader::add_vocabularies(std::vector<Vocabulary>& vocabularies) const {
  const size_t width = impl_->open("/vocabularies/token").element_bytes();
  for (Vocabulary& found : this->vocabularies()) {
    const auto is_same = [&](const Vocabulary& one) { return as_stored(one, width) == found; };
    if (std::ranges::none_of(vocabularies, is_same)) vocabularies.push_back(std::move(found));
  }
}

std::vector<int64_t> ResultsReader::places_of(std::span<const Vocabulary> vocabularies) const {
  const size_t width = impl_->open("/vocabularies/token").element_bytes();
  const std::vector<Vocabulary> found = this->vocabularies();
  std::vector<int64_t> places;
  for (const Vocabulary& one : vocabularies) {
    const auto place = std::ranges::find(found, as_stored(one, width));
    places.push_back(place == found.end() ? -1 : place - found.begin());
  }
  return places;
}

std::vector<double> ResultsReader::numbers(std::string_view path) const {
  return impl_->open(path).read<double>();
}

std::vector<std::string> ResultsReader::texts(std::string_view path) const {
  return impl_->texts(path);
}

std::vector<CellStatus> read_cells(const h5::File& file) {
  const auto texts = [&](std::string_view path) { return file.open_dataset(std::string(path)).read_texts(); };
  const auto integers = [&](std::string_view path) { return file.open_dataset(std::string(path)).read<int64_t>(); };
  // Before all else: what these say to be written is then whole in what is read after them.
  const auto states = integers("/cells/state");
  const auto stages = integers("/cells/stage");
  std::vector<CellStatus> all(states.size());
  for (size_t i = 0; i < all.size(); ++i) {
    all[i].state = static_cast<State>(states[i]);
    all[i].stage = static_cast<Stage>(stages[i]);
  }
  const auto put_texts = [&](std::string_view path, auto&& member) {
    auto values = texts(path);
    for (size_t i = 0; i < all.size(); ++i) member(all[i]) = std::move(values[i]);
  };
  put_texts("/cells/failure", [](CellStatus& cell) -> std::string& { return cell.failure; });
  for (const auto& [path, member] : text_columns()) {
    put_texts(path, [m = member](CellStatus& cell) -> std::string& { return cell.row.*m; });
  }
  for (const auto& [path, member] : integer_columns()) {
    const auto values = integers(path);
    for (size_t i = 0; i < all.size(); ++i) all[i].row.*member = values[i];
  }
  const auto penalties = file.open_dataset("/cells/penalty").read<double>();
  for (size_t i = 0; i < all.size(); ++i) {
    if (!std::isnan(penalties[i])) all[i].row.penalty = penalties[i];
  }
  return all;
}

std::vector<CellStatus> read_cells(const std::filesystem::path& path) {
  return read_cells(open_results(path));
}

}  // namespace saesweep::results
