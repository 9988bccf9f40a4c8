#pragma once

#include <cstdint>
#include <span>

#include "sweep/toy_cells.h"
#include "toy/embeddings.h"
#include "toy/options.h"

namespace saesweep::sweep {

//! Throws ConfigError naming the cell where a rank, which has so many bytes of the machine's memory, could not hold the
//! embedding matrices, the data of a cell and the SAEs that it trains at the same time.
void check_toy_memory(const toy::ToyOptions& options, std::span<const toy::Embeddings> embeddings,
                      std::span<const ToyCell> cells, uint64_t bytes);

}  // namespace saesweep::sweep
