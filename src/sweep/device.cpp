#include "sweep/device.h"

#include <fmt/format.h>

#include "base/errors.h"

namespace saesweep::sweep {

std::string device_kind(const SweepOptions& options, bool has_cuda) {
  const std::string& wanted = options.run.device;
  if (wanted == "cuda" && !has_cuda) {
    throw ConfigError(options.source + ": run.device",
                      "found 'cuda', but no CUDA device is there for every rank (or no driver, or a LibTorch without "
                      "CUDA); expected auto or cpu here");
  }
  const std::string kind = has_cuda && wanted != "cpu" ? "cuda" : "cpu";
  if (kind == "cpu" && options.train.precision == "tf32" && options.load.empty()) {
    throw ConfigError(options.source + ": sae.precision",
                      "found 'tf32', which CUDA devices alone compute in; expected float32 or bfloat16 on the CPU");
  }
  return kind;
}

at::Device rank_device(const RunOptions& run, const mpi::Comm& comm) {
  const int place = comm.node_local().rank();
  if (run.device != "cuda") return model::device_from("cpu");
  return model::device_from(fmt::format("cuda:{}", place % model::n_cuda_devices()));
}

}  // namespace saesweep::sweep
