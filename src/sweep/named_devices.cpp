#include "sweep/named_devices.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/errors.h"
#include "base/suggest.h"

namespace saesweep::sweep {

namespace {

// Datasheets of NVIDIA; where they state rates with sparsity, half of these.
constexpr std::array<NamedDevice, 9> kDevices = {{
    {"v100-16g", "NVIDIA V100 SXM2 16 GB", 16e9, 0, 0, 15.7e12, 0.9e12, "NVIDIA V100 datasheet, 2020"},
    {"v100-32g", "NVIDIA V100 SXM2 32 GB", 32e9, 0, 0, 15.7e12, 0.9e12, "NVIDIA V100 datasheet, 2020"},
    {"a40", "NVIDIA A40 48 GB", 48e9, 149.7e12, 74.8e12, 37.4e12, 0.696e12, "NVIDIA A40 datasheet, 2021"},
    {"a100-40g", "NVIDIA A100 SXM4 40 GB", 40e9, 312e12, 156e12, 19.5e12, 1.555e12, "NVIDIA A100 datasheet, 2021"},
    {"a100-80g", "NVIDIA A100 SXM4 80 GB", 80e9, 312e12, 156e12, 19.5e12, 2.039e12, "NVIDIA A100 datasheet, 2021"},
    {"l40s", "NVIDIA L40S 48 GB", 48e9, 362e12, 183e12, 91.6e12, 0.864e12, "NVIDIA L40S datasheet, 2023"},
    {"h100-80g", "NVIDIA H100 SXM5 80 GB", 80e9, 989e12, 494e12, 67e12, 3.35e12, "NVIDIA H100 datasheet, 2023"},
    {"h100-94g", "NVIDIA H100 NVL 94 GB", 94e9, 835e12, 417e12, 60e12, 3.9e12, "NVIDIA H100 datasheet, 2024"},
    {"h200", "NVIDIA H200 SXM 141 GB", 141e9, 989e12, 494e12, 67e12, 4.8e12, "NVIDIA H200 datasheet, 2024"},
}};

//! Operations a second in a number format.
double flops_in(const std::string& format, const NamedDevice& device, const DeviceShares& shares) {
  const double tensor = format == "bfloat16" ? device.bfloat16_flops : format == "tf32" ? device.tf32_flops : 0;
  return tensor > 0 ? shares.tensor * tensor : shares.float32 * device.float32_flops;
}

std::string rate_text(const char* format, double flops) {
  return flops > 0 ? fmt::format("{} {:.4g} TFLOP/s", format, flops / 1e12) : fmt::format("{} as float32", format);
}

}  // namespace

std::span<const NamedDevice> named_devices() {
  return kDevices;
}

const NamedDevice& named_device(const std::string& name) {
  const auto* const found = std::ranges::find_if(kDevices, [&](const NamedDevice& one) { return name == one.name; });
  if (found != kDevices.end()) return *found;
  std::vector<std::string> names;
  for (const NamedDevice& one : kDevices) names.emplace_back(one.name);
  throw InputError("device", fmt::format("found '{}', expected {}{}", name, list_of(names), suggestion(name, names)));
}

Speeds speeds_of(const NamedDevice& device, const SweepOptions& options, const DeviceShares& shares) {
  const double bytes = shares.bandwidth * device.bytes_per_second;
  return {.forward_flops = flops_in(options.model.dtype, device, shares),
          .train_flops = flops_in(options.train.precision, device, shares),
          .evaluate_flops = flops_in("float32", device, shares),
          .sparse_flops = bytes / 2,
          .bytes = bytes};
}

std::string assumptions_text(const NamedDevice& device, const DeviceShares& shares) {
  return fmt::format(
      "  stated: {}, {}, float32 {:.4g} TFLOP/s, {:.4g} TB/s ({})\n"
      "  assumed, not measured: {:.0f} % of the tensor cores' rates, {:.0f} % of float32's, {:.0f} % of the "
      "bandwidth\n",
      rate_text("bfloat16", device.bfloat16_flops), rate_text("TF32", device.tf32_flops), device.float32_flops / 1e12,
      device.bytes_per_second / 1e12, device.source, 100 * shares.tensor, 100 * shares.float32, 100 * shares.bandwidth);
}

}  // namespace saesweep::sweep
