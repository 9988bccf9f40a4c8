#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/json.h"
#include "model/safetensors.h"
#include "sae/options.h"
#include "train/options.h"

namespace saesweep::train {

//! What the training of one SAE has come to, between two steps: all that SaeTrainer needs to go on with the same bits.
struct TrainerState {
  int64_t steps_done = 0;
  //! SAE, optimizer, counters of dead latents; on any device. Those of SaeTrainer::state() are its own, not copies.
  model::NamedTensors tensors;
  //! Other numbers; doubles are exact.
  Json numbers = Json::object();
};

//! A file of it.
struct Checkpoint {
  //! Train id of the cell.
  std::string cell_id;
  TrainerState trainer;
  //! What belongs to the run, not to the trainer: training curve, seconds, and, to be read by people, where in the text
  //! the next step begins (all of which follows from steps_done).
  Json more = Json::object();
};

//! Writes FOLDER/<cell id>/<step, ten digits>.safetensors: beside, flushed to disk, renamed; then removes all but the
//! last two of the cell. Every tensor's checksum stands in the header. Returns its bytes. Throws StoppedError on a full
//! disk, OutputError.
uint64_t write_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint);

//! The furthest whole checkpoint of a cell in any of these folders (those that are missing are passed over). A file
//! that is damaged, cut short or another cell's is passed over, and on_bad told so with its name; once an older one
//! was read it is removed, so that it does not count among those kept.
std::optional<Checkpoint> read_checkpoint(std::span<const std::filesystem::path> folders, const std::string& cell_id,
                                          const std::function<void(const std::string&)>& on_bad);

//! Steps of the furthest checkpoint of a cell by the files' names, unread; 0 where there is none.
int64_t checkpointed_steps(std::span<const std::filesystem::path> folders, const std::string& cell_id);

//! Removes a cell's checkpoints from a folder: it is trained.
void remove_checkpoints(const std::filesystem::path& folder, const std::string& cell_id);

//! Bytes of a checkpoint of such an SAE.
uint64_t checkpoint_bytes(int64_t d_in, int64_t n_latents, const sae::SaeOptions& sae, const TrainOptions& train);

}  // namespace saesweep::train
