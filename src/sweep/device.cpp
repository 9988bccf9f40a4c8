#include "sweep/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/errors.h"
#include "sweep/units.h"

namespace saesweep::sweep {

namespace {

//! Of a device's memory, what units may take: driver, LibTorch and gaps between tensors have the rest.
constexpr double kDeviceShare = 0.85;

}  // namespace

std::string device_kind(const SweepOptions& options, bool has_cuda) {
  const std::string& wanted = options.run.device;
  if (wanted == "cuda" && !has_cuda) {
    throw ConfigError(options.place_of("run.device") + ": run.device",
                      "found 'cuda', but no CUDA device is there for every rank (or no driver, or a LibTorch without "
                      "CUDA); expected auto or cpu here");
  }
  const std::string kind = has_cuda && wanted != "cpu" ? "cuda" : "cpu";
  if (kind == "cpu" && options.train.precision == "tf32" && options.load.empty()) {
    throw ConfigError(options.place_of("sae.precision") + ": sae.precision",
                      "found 'tf32', which CUDA devices alone compute in; expected float32 or bfloat16 on the CPU "
                      "(saesweep plan --device plans for a GPU that is elsewhere)");
  }
  return kind;
}

uint64_t usable_device_bytes(double device_bytes) {
  return static_cast<uint64_t>(kDeviceShare * device_bytes);
}

at::Device rank_device(const RunOptions& run, const mpi::Comm& comm) {
  const int place = comm.node_local().rank();
  if (run.device != "cuda") return model::device_from("cpu");
  return model::device_from(fmt::format("cuda:{}", place % model::n_cuda_devices()));
}

uint64_t memory_of_ranks(const RunOptions& run, at::Device device, const mpi::Comm& comm) {
  const mpi::Comm node = comm.node_local();
  if (device.is_cpu() || run.memory_gb > 0) return comm.min(rank_memory(run, node.size()));
  const auto places = node.all_gather(model::device_place(device));
  const auto n_sharing = static_cast<double>(std::ranges::count(places, model::device_place(device)));
  const auto bytes = static_cast<double>(model::device_bytes(device));
  const auto share = usable_device_bytes(bytes / n_sharing);
  return comm.min(share > 0 ? share : std::numeric_limits<uint64_t>::max());
}

}  // namespace saesweep::sweep
