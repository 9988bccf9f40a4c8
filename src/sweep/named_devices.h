#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "sweep/cost.h"
#include "sweep/options.h"

namespace saesweep::sweep {

//! A device that a plan can be made for where there is none: what its vendor states of it, by default for the boards
//! with the fastest links (SXM). Rates are of dense products.
struct NamedDevice {
  //! As the command line names it: "a100-80g".
  const char* name;
  const char* product;
  double memory_bytes;
  //! Operations a second in tensor cores; 0 where these do not know the format.
  double bfloat16_flops;
  double tf32_flops;
  //! Outside of them.
  double float32_flops;
  double bytes_per_second;
  //! The vendor's document.
  const char* source;
};

//! What is assumed of every device: the share of the stated rates that a run reaches. No run on a device stands behind
//! these shares.
struct DeviceShares {
  //! Of products in tensor cores, and of float32's outside of them.
  double tensor = 0.5;
  double float32 = 0.7;
  //! Of the memory's bandwidth.
  double bandwidth = 0.7;
};

std::span<const NamedDevice> named_devices();

//! Throws InputError with all names, and the nearest one, where none is called that.
const NamedDevice& named_device(const std::string& name);

//! What a rank with the device to itself computes with: forward passes in [model] dtype, the encoder's products of
//! training in [sae] precision, and all else in float32. Formats that the tensor cores do not know are computed at
//! float32's rate. Rows of k latents come from memory, four bytes for two operations.
Speeds speeds_of(const NamedDevice& device, const SweepOptions& options, const DeviceShares& shares = {});

//! What is stated of the device and what is assumed, a line each, for people.
std::string assumptions_text(const NamedDevice& device, const DeviceShares& shares = {});

}  // namespace saesweep::sweep
