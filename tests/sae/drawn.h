#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

#include "base/random.h"
#include "sae/sae.h"

namespace saesweep::test {

//! Standard normal numbers, float32, keyed by name.
inline at::Tensor drawn(const std::string& name, at::IntArrayRef shape) {
  const Stream stream{std::string("test"), name};
  at::Tensor tensor = at::empty(shape, at::kFloat);
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    tensor.mutable_data_ptr<float>()[i] = static_cast<float>(stream.normal(static_cast<uint64_t>(i)));
  }
  return tensor;
}

//! The same, rounded to eighths: products and sums of a few hundred of them are exact in float32, so that any order
//! of summation gives the same bits.
inline at::Tensor drawn_eighths(const std::string& name, at::IntArrayRef shape) {
  return (drawn(name, shape) * 8).round() / 8;
}

//! An SAE of drawn eighths, whose biases are not 0. jumprelu has a threshold for each latent, of at least 0.5;
//! matryoshka's nested SAEs have a quarter, a half and all of the latents.
inline sae::Sae drawn_sae(int64_t d_in, int64_t n_latents, int64_t k,
                          sae::Architecture architecture = sae::Architecture::kTopK) {
  sae::Sae sae{architecture,
               takes_k(architecture) ? k : 0,
               {drawn_eighths("W_enc", {n_latents, d_in}), drawn_eighths("b_enc", {n_latents}),
                drawn_eighths("W_dec", {n_latents, d_in}), drawn_eighths("b_dec", {d_in})}};
  if (has_common_threshold(architecture)) sae.parameters.threshold = at::full({1}, 2.125);
  if (architecture == sae::Architecture::kJumpRelu) {
    sae.parameters.threshold = drawn_eighths("threshold", {n_latents}).abs() + 0.5;
  }
  if (architecture == sae::Architecture::kMatryoshka) sae.matryoshka_sizes = {n_latents / 4, n_latents / 2, n_latents};
  return sae;
}

//! [tokens, n_latents]: the codes spread out, 0 elsewhere.
inline at::Tensor dense(const sae::Codes& codes, int64_t n_latents) {
  at::Tensor out = at::zeros({codes.n_tokens(), n_latents});
  const int64_t* starts = codes.starts.const_data_ptr<int64_t>();
  for (int64_t t = 0; t < codes.n_tokens(); ++t) {
    for (int64_t i = starts[t]; i < starts[t + 1]; ++i) {
      const int64_t latent = codes.latents.const_data_ptr<int32_t>()[i];
      out.mutable_data_ptr<float>()[t * n_latents + latent] = codes.values.const_data_ptr<float>()[i];
    }
  }
  return out;
}

//! Codes of the elements of values, [tokens, latents], where kept, of the same shape, is true.
inline sae::Codes codes_of(const at::Tensor& values, const at::Tensor& kept) {
  const auto places = kept.nonzero_numpy();
  sae::Codes codes;
  codes.starts = at::cat({at::zeros({1}, at::kLong), kept.sum(1).cumsum(0)});
  codes.latents = places.at(1).to(at::kInt);
  codes.values = values.masked_select(kept).to(at::kFloat);
  return codes;
}

inline bool same(const sae::Codes& a, const sae::Codes& b) {
  return at::equal(a.starts, b.starts) && at::equal(a.latents, b.latents) && at::equal(a.values, b.values);
}

}  // namespace saesweep::test
