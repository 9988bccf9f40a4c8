#pragma once

#include <cstdint>
#include <span>

#include "sweep/toy_cells.h"
#include "toy/embeddings.h"
#include "toy/options.h"

namespace saesweep::sweep {

//! The cell while which a rank needs most of the machine's memory, and how much, at most: the embedding matrices, the
//! data that it keeps, and the SAEs that it trains at the same time.
struct ToyNeed {
  const ToyCell* cell = nullptr;
  double bytes = 0;
};

//! Views the cells.
ToyNeed toy_need(const toy::ToyOptions& options, std::span<const toy::Embeddings> embeddings,
                 std::span<const ToyCell> cells);

//! Throws ConfigError naming that cell where a rank has fewer bytes.
void check_toy_memory(const toy::ToyOptions& options, std::span<const toy::Embeddings> embeddings,
                      std::span<const ToyCell> cells, uint64_t bytes);

}  // namespace saesweep::sweep
