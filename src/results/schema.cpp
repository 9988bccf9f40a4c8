#include "results/schema.h"

#include <string>

#include "base/errors.h"
#include "base/suggest.h"
#include "results/datasets.h"

namespace saesweep::results {

uint64_t Shape::*length_member(Dimension dimension) {
  switch (dimension) {
    case Dimension::kCells:
      return &Shape::n_cells;
    case Dimension::kAllLatents:
      return &Shape::n_all_latents;
    case Dimension::kPoints:
      return &Shape::n_curve_points;
    case Dimension::kLatents:
      return &Shape::n_latents;
    case Dimension::kNullLatents:
      return &Shape::n_null_latents;
    case Dimension::kPredictions:
      return &Shape::n_predictions;
    case Dimension::kExamples:
      return &Shape::n_examples;
    case Dimension::kWindow:
      return &Shape::n_window;
    case Dimension::kVocabularies:
      return &Shape::n_vocabularies;
    case Dimension::kTokens:
      return &Shape::n_tokens;
    case Dimension::kGrid:
      return &Shape::n_grid;
    case Dimension::kQuantiles:
    case Dimension::kQuantileEdges:
      return nullptr;
  }
  throw SystemError("results: no such dimension");
}

uint64_t Shape::length(Dimension dimension) const {
  if (dimension == Dimension::kQuantiles) return kQuantiles;
  if (dimension == Dimension::kQuantileEdges) return kQuantiles + 1;
  return this->*length_member(dimension);
}

const std::vector<Dataset>& schema() {
  static const std::vector<Dataset> all = all_datasets();
  return all;
}

const Dataset& dataset(std::string_view path) {
  std::vector<std::string> paths;
  for (const Dataset& one : schema()) {
    if (one.path == path) return one;
    paths.emplace_back(one.path);
  }
  throw SystemError("results: no dataset " + std::string(path) + " in the schema; the nearest is " +
                    nearest(path, paths));
}

uint64_t row_elements(const Dataset& dataset, const Shape& shape) {
  uint64_t elements = 1;
  for (size_t i = 1; i < dataset.dimensions.size(); ++i) elements *= shape.length(dataset.dimensions[i]);
  return elements;
}

uint64_t all_elements(const Dataset& dataset, const Shape& shape) {
  return shape.length(dataset.dimensions.front()) * row_elements(dataset, shape);
}

size_t element_bytes(const Dataset& dataset) {
  switch (dataset.type) {
    case Type::kInt8:
    case Type::kUint8:
      return 1;
    case Type::kInt32:
    case Type::kFloat32:
      return 4;
    case Type::kInt64:
    case Type::kFloat64:
      return 8;
    case Type::kText:
      return dataset.text_bytes;
  }
  throw SystemError("results: no such type");
}

std::string_view type_name(Type type) {
  switch (type) {
    case Type::kInt8:
      return "int8";
    case Type::kUint8:
      return "uint8";
    case Type::kInt32:
      return "int32";
    case Type::kInt64:
      return "int64";
    case Type::kFloat32:
      return "float32";
    case Type::kFloat64:
      return "float64";
    case Type::kText:
      return "text";
  }
  throw SystemError("results: no such type");
}

std::string_view dimension_name(Dimension dimension) {
  switch (dimension) {
    case Dimension::kCells:
      return "cells";
    case Dimension::kAllLatents:
      return "all latents";
    case Dimension::kPoints:
      return "points";
    case Dimension::kLatents:
      return "latents";
    case Dimension::kNullLatents:
      return "null latents";
    case Dimension::kPredictions:
      return "predictions";
    case Dimension::kExamples:
      return "examples";
    case Dimension::kWindow:
      return "window";
    case Dimension::kQuantiles:
      return "quantiles";
    case Dimension::kQuantileEdges:
      return "quantile edges";
    case Dimension::kVocabularies:
      return "vocabularies";
    case Dimension::kTokens:
      return "tokens";
    case Dimension::kGrid:
      return "grid";
  }
  throw SystemError("results: no such dimension");
}

}  // namespace saesweep::results
