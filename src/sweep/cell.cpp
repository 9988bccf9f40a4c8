#include "sweep/cell.h"

#include <fmt/format.h>

namespace saesweep::sweep {

std::string describe(const Cell& cell) {
  const std::string init = cell.init_seed < 0 ? "" : fmt::format(" init {}", cell.init_seed);
  if (cell.is_loaded()) {
    const std::string k = takes_k(cell.sae.architecture) ? fmt::format(" k{}", cell.sae.k) : "";
    return fmt::format("{} {}{} {} {} of {} latents{} from {}", cell.model_name, model::name_of(cell.variant), init,
                       cell.hookpoint.name(), name_of(cell.sae.architecture), cell.n_latents, k, cell.sae_folder);
  }
  const std::string sparsity =
      takes_k(cell.sae.architecture) ? fmt::format("k{}", cell.sae.k) : fmt::format("penalty {}", cell.sae.penalty);
  return fmt::format("{} {}{} {} {} R{} {} seed {}, {} tokens", cell.model_name, model::name_of(cell.variant), init,
                     cell.hookpoint.name(), name_of(cell.sae.architecture), cell.sae.expansion_factor, sparsity,
                     cell.sae_seed, cell.tokens);
}

}  // namespace saesweep::sweep
