#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "autointerp/harvest_file.h"
#include "sae/sae.h"
#include "sweep/options.h"
#include "text/token_rows.h"
#include "text/tokenizer.h"
#include "train/activation_source.h"

namespace saesweep::sweep {

//! Rows of the held-out text's order that windows are sought in: those after the evaluation's, as many as there are.
struct HarvestRows {
  int64_t first = 0;
  int64_t n = 0;
};
HarvestRows harvest_rows(const SweepOptions& options, const text::TokenRows& rows);

//! An SAE whose latents are harvested, and what comes of it.
struct HarvestTarget {
  int64_t sae_seed = 0;
  const sae::Sae* sae = nullptr;
  //! Which of the source's hookpoints it reads.
  size_t hookpoint = 0;
  std::optional<autointerp::StoredHarvest> harvest = {};
  //! Of its own work, and its share of the forward passes.
  double seconds = 0;
  //! Why it has no harvest.
  std::string failure = {};
};

//! Harvests all of them from the same forward passes over `rows`, the held-out text, in memory of at most [autointerp]
//! harvest_memory_gb. on_tokens is told, now and then, the tokens read, each counted once for each SAE.
void harvest_saes(std::span<HarvestTarget> targets, const train::ActivationSource& source, const text::TokenRows& rows,
                  const text::Tokenizer& tokenizer, const SweepOptions& options,
                  const std::function<void(int64_t tokens)>& on_tokens);

}  // namespace saesweep::sweep
