#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace saesweep::results {

//! What a results file says of itself in its root attributes `filetype` and `version`.
inline constexpr std::string_view kFileType = "saesweep-results";
inline constexpr int64_t kVersion = 5;

//! `/cells/state` of a row.
enum class State : uint8_t { kToCome = 0, kStarted = 1, kDone = 2, kFailed = 3 };

//! `/cells/stage` of a row: the last stage whose columns are all written.
enum class Stage : uint8_t { kNone = 0, kTrained = 1, kEvaluated = 2, kHarvested = 3, kScored = 4 };

//! Element types of datasets. kText: UTF-8 of fixed length, padded with zero bytes.
enum class Type { kInt8, kUint8, kInt32, kInt64, kFloat32, kFloat64, kText };

//! The named dimensions of datasets; their lengths are a file's Shape.
enum class Dimension {
  kCells,
  kAllLatents,
  kPoints,
  kLatents,
  kNullLatents,
  kPredictions,
  kExamples,
  kWindow,
  kQuantiles,
  kQuantileEdges,
  kVocabularies,
  kTokens,
  kGrid
};

//! One dataset of a results file, described once for the writer, the reader and docs/results.md.
struct Dataset {
  //! `/group/column`.
  std::string_view path;
  //! The stage that writes it; kNone: with the file, or with the row's progress.
  Stage stage;
  Type type;
  //! Bytes of a text (at least: a file made for longer identifying texts holds them whole).
  size_t text_bytes;
  //! All of them. The first is kCells, but for what belongs to no cell.
  std::vector<Dimension> dimensions;
  std::string_view unit;
  std::string_view meaning;
  //! Whether two runs of the same sweep agree in every bit; false for timings and hosts.
  bool reproducible;
};

//! Lengths of the dimensions of one file.
struct Shape {
  uint64_t n_cells = 0;
  //! The most latents of any SAE.
  uint64_t n_all_latents = 0;
  //! The most points of any training curve.
  uint64_t n_curve_points = 0;
  //! Latents drawn to be scored; 0, as all that follow, where the sweep scores none.
  uint64_t n_latents = 0;
  //! Of them, the first ones, which are also scored with another's explanation.
  uint64_t n_null_latents = 0;
  //! Judged examples of a latent and scorer.
  uint64_t n_predictions = 0;
  //! Stored windows of a latent.
  uint64_t n_examples = 0;
  //! Tokens of a window.
  uint64_t n_window = 0;
  uint64_t n_vocabularies = 0;
  //! The most token ids of any vocabulary.
  uint64_t n_tokens = 0;
  //! Cells of the whole sweep, of which the file may hold a part.
  uint64_t n_grid = 0;

  uint64_t length(Dimension dimension) const;

  bool operator==(const Shape&) const = default;
};

//! Parts that windows are put into by their peaks.
inline constexpr uint64_t kQuantiles = 10;

//! The member of Shape that holds the length of a dimension; nullptr for those of fixed length.
uint64_t Shape::*length_member(Dimension dimension);

//! Every dataset of the file, in the order of docs/results.md.
const std::vector<Dataset>& schema();

//! The dataset of that path. Throws SystemError naming the nearest one where there is none.
const Dataset& dataset(std::string_view path);

//! Elements of one row of the dataset (of one cell, where its first dimension is kCells), and of all of it.
uint64_t row_elements(const Dataset& dataset, const Shape& shape);
uint64_t all_elements(const Dataset& dataset, const Shape& shape);

//! Bytes of one element; text_bytes for texts.
size_t element_bytes(const Dataset& dataset);

//! "uint8", "text[64]" and so on, as in docs/results.md.
std::string_view type_name(Type type);

//! "cells", "all latents" and so on, as in docs/results.md.
std::string_view dimension_name(Dimension dimension);

}  // namespace saesweep::results
