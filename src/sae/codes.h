#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>

namespace saesweep::sae {

//! The active latents of some tokens, one token after the other, on the device of the SAE.
struct Codes {
  at::Tensor starts;   //!< int64 [tokens + 1]: where each token's entries begin; the last is their number
  at::Tensor latents;  //!< int32 [entries], rising within a token
  at::Tensor values;   //!< float32 [entries]

  int64_t n_tokens() const { return starts.size(0) - 1; }
  int64_t n_entries() const { return latents.size(0); }
  //! On a device.
  Codes to(at::Device device) const { return {starts.to(device), latents.to(device), values.to(device)}; }
};

//! Codes of tokens whose numbers of entries are given, [tokens]; `fill` is called for each token, on several threads,
//! with the places of its entries. On the CPU.
Codes make_codes(std::span<const int64_t> counts,
                 const std::function<void(int64_t token, float* values, int32_t* latents)>& fill);

//! Those entries that `keeps` returns true for. On the CPU.
Codes filtered(const Codes& codes, const std::function<bool(int64_t token, float value, int32_t latent)>& keeps);

}  // namespace saesweep::sae
