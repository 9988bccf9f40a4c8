#include "sweep/cell.h"

#include <fmt/format.h>

namespace saesweep::sweep {

std::string describe(const Cell& cell) {
  const std::string init = cell.init_seed < 0 ? "" : fmt::format(" init {}", cell.init_seed);
  return fmt::format("{} {}{} {} {} R{} k{} seed {}, {} tokens", cell.model_name, model::name_of(cell.variant), init,
                     cell.hookpoint.name(), cell.sae.architecture, cell.sae.expansion_factor, cell.sae.k, cell.sae_seed,
                     cell.tokens);
}

}  // namespace saesweep::sweep
