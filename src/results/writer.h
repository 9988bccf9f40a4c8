#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mpi/comm.h"
#include "results/cell_row.h"
#include "results/schema.h"

namespace saesweep::results {

//! Elements of a dataset; a vector or span of one of these types.
using Values =
    std::variant<std::span<const int8_t>, std::span<const uint8_t>, std::span<const int32_t>, std::span<const int64_t>,
                 std::span<const float>, std::span<const double>, std::span<const std::string>>;

//! Writes one results file from all ranks of a communicator.
//!
//! create, open and close are collective; everything else is independent: any rank writes any row, in any order.
//! A row belongs to one rank at a time. HDF5 is not thread-safe: one thread a rank calls this.
//! A job killed at any moment leaves a file that opens; a row's stage and state never run ahead of its columns.
//! Writing throws StoppedError where the disk is full, SystemError where HDF5 fails or the column is not in the
//! schema or of another type or length.
class ResultsWriter {
 public:
  //! Makes the file: every dataset allocated and filled with "missing" (NaN, -1, "", state and stage 0), the
  //! identifying columns and vocabularies written, flushed, and only then given its name (a file of that name is
  //! replaced). Collective; all ranks pass the same, but for the vocabularies, of which those of the root count.
  //! Throws OutputError on all ranks where the folder cannot be written or has too little free space.
  static ResultsWriter create(const std::filesystem::path& path, const mpi::Comm& comm, const Shape& shape,
                              std::span<const CellRow> rows, const RootInfo& info,
                              std::span<const Vocabulary> vocabularies = {}, std::span<const GridEntry> grid = {});

  //! As create, but what holds of the cells in `older` files (one of which may be that of this name) is carried over
  //! into the new one, which then takes its place (results/origins.h says what holds). A row that has reached
  //! last_stage is done. A job killed meanwhile leaves the old file or the new one. `grid`: the whole sweep's cells.
  static ResultsWriter recreate(const std::filesystem::path& path, const mpi::Comm& comm, const Shape& shape,
                                std::span<const CellRow> rows, const RootInfo& info, Stage last_stage,
                                std::span<const Vocabulary> vocabularies, std::span<const GridEntry> grid,
                                std::span<const std::filesystem::path> older);

  //! Opens a file to continue it. Collective. Throws OutputError where it is no results file of this version.
  static ResultsWriter open(const std::filesystem::path& path, const mpi::Comm& comm);

  ResultsWriter(ResultsWriter&&) noexcept;
  ResultsWriter& operator=(ResultsWriter&&) noexcept;
  //! Closes, collectively, where close() was not called; leaves the file as it is while an exception flies.
  ~ResultsWriter();

  const Shape& shape() const;

  //! One value of `/cells/<column>`. A text is cut, at a character, to what the column holds.
  void write(uint64_t row, std::string_view column, double value);
  void write(uint64_t row, std::string_view column, int64_t value);
  void write(uint64_t row, std::string_view column, std::string_view value);

  //! The first elements of row `row` of any dataset; the rest stays missing. Along the dataset's second dimension
  //! there may be fewer than it has, along all others there are as many: values.size() is a multiple of these.
  void write_block(uint64_t row, std::string_view path, const Values& values);
  //! The same for one entry of the second dimension (one latent): fewer along the third dimension only.
  void write_block(uint64_t row, uint64_t slot, std::string_view path, const Values& values);

  //! write_block of `/latents/<column>` and `/curves/<column>`.
  void write_latents(uint64_t row, std::string_view column, const Values& values);
  void write_curve(uint64_t row, std::string_view column, const Values& values);

  //! Says that the columns of that stage, and of those before, are written: makes them durable, then writes the
  //! stage. Call it after the stage's columns.
  void set_stage(uint64_t row, Stage stage);
  //! The row's state; kDone or kFailed come last of all. `failure` says why a cell failed.
  void set_state(uint64_t row, State state, std::string_view failure = "");

  //! Makes all that this rank wrote durable (fdatasync).
  void sync();

  //! Collective.
  void close();

 private:
  struct Impl;
  explicit ResultsWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

//! Bytes that a file of this shape and these rows takes, without HDF5's own few KB.
uint64_t file_bytes(const Shape& shape, std::span<const CellRow> rows);

//! Version of the HDF5 library, as "1.10.8".
std::string storage_version();

}  // namespace saesweep::results
