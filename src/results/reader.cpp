#include "results/reader.h"

#include <cmath>
#include <cstddef>
#include <utility>

#include "h5/file.h"
#include "results/header.h"

namespace saesweep::results {

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
  std::vector<CellStatus> all(impl_->shape.n_cells);
  // Before all else: what these say to be written is then whole in what is read after them.
  const auto states = impl_->integers("/cells/state");
  const auto stages = impl_->integers("/cells/stage");
  for (size_t i = 0; i < all.size(); ++i) {
    all[i].state = static_cast<State>(states[i]);
    all[i].stage = static_cast<Stage>(stages[i]);
  }
  const auto put_texts = [&](std::string_view path, auto&& member) {
    auto values = impl_->texts(path);
    for (size_t i = 0; i < all.size(); ++i) member(all[i]) = std::move(values[i]);
  };
  const auto put_numbers = [&](std::string_view path, int64_t CellRow::*member) {
    const auto values = impl_->integers(path);
    for (size_t i = 0; i < all.size(); ++i) all[i].row.*member = values[i];
  };
  put_texts("/cells/failure", [](CellStatus& cell) -> std::string& { return cell.failure; });
  for (const auto& [path, member] : text_columns()) {
    put_texts(path, [m = member](CellStatus& cell) -> std::string& { return cell.row.*m; });
  }
  for (const auto& [path, member] : integer_columns()) put_numbers(path, member);
  const auto penalties = numbers("/cells/penalty");
  for (size_t i = 0; i < all.size(); ++i) {
    if (!std::isnan(penalties[i])) all[i].row.penalty = penalties[i];
  }
  return all;
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

std::vector<double> ResultsReader::numbers(std::string_view path) const {
  return impl_->open(path).read<double>();
}

std::vector<std::string> ResultsReader::texts(std::string_view path) const {
  return impl_->texts(path);
}

std::vector<CellStatus> read_cells(const std::filesystem::path& path) {
  return ResultsReader(path).cells();
}

}  // namespace saesweep::results
