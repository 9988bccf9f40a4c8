#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "autointerp/examples.h"

namespace saesweep::autointerp {

//! The harvest of one cell: all that judging it takes, so that another judge needs neither model nor SAE.
struct StoredHarvest {
  std::vector<LatentExamples> latents;
  //! Of every latent of the SAE.
  std::vector<evaluate::LatentStatus> status;
  int64_t n_drawn = 0;
  int64_t n_tokens = 0;
  int64_t n_windows = 0;

  bool operator==(const StoredHarvest&) const = default;
};

//! Chooses the examples of each latent.
StoredHarvest choose_examples(const evaluate::CellHarvest& harvest, const AutointerpOptions& options);

//! Writes it beside `path` and renames it. Throws StoppedError on a full disk, OutputError.
void write_harvest(const std::filesystem::path& path, const StoredHarvest& harvest);

//! Nothing where there is no such file, or it is damaged.
std::optional<StoredHarvest> read_harvest(const std::filesystem::path& path);

}  // namespace saesweep::autointerp
