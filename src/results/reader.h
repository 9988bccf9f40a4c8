#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "h5/file.h"
#include "results/cell_row.h"
#include "results/schema.h"

namespace saesweep::results {

//! How far a cell is.
struct CellStatus {
  CellRow row;
  State state = State::kToCome;
  Stage stage = Stage::kNone;
  std::string failure;
};

//! Reads a results file, without MPI, also while a job writes it. One thread at a time.
class ResultsReader {
 public:
  //! Throws OutputError where there is no such file, or it is no results file of this version (naming both).
  explicit ResultsReader(const std::filesystem::path& path);
  ResultsReader(ResultsReader&&) noexcept;
  ResultsReader& operator=(ResultsReader&&) noexcept;
  ~ResultsReader();

  const Shape& shape() const;
  RootInfo info() const;

  //! All cells, in the order of the rows. A row that is done here is whole in every column read later.
  std::vector<CellStatus> cells() const;

  //! The cells of the whole sweep; those of older rows that it has no more are not among them.
  std::vector<GridEntry> grid() const;
  //! Texts of the vocabularies, without empty ones at their ends.
  std::vector<Vocabulary> vocabularies() const;
  //! Appends those that are not among `vocabularies`, by what a file keeps of them.
  void add_vocabularies(std::vector<Vocabulary>& vocabularies) const;
  //! Which of the file's vocabularies each of these is; -1: none.
  std::vector<int64_t> places_of(std::span<const Vocabulary> vocabularies) const;

  //! A whole dataset, row by row; every number as double (int64 below 2^53 exactly). Path as in the schema.
  std::vector<double> numbers(std::string_view path) const;
  //! A whole text dataset.
  std::vector<std::string> texts(std::string_view path) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

//! The cells of a file.
std::vector<CellStatus> read_cells(const std::filesystem::path& path);
std::vector<CellStatus> read_cells(const h5::File& file);

}  // namespace saesweep::results
