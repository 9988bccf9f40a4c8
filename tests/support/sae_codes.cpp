// sae_codes SAE_FOLDER X.safetensors OUT.safetensors: encodes and decodes the tensor "x", [tokens, d_in] float32, as
// the program does; writes "latents", dense, and "x_hat".
#include <ATen/ATen.h>

#include <cstdio>
#include <exception>

#include "model/safetensors.h"
#include "sae/folder.h"

namespace {

using namespace saesweep;

at::Tensor dense(const sae::Codes& codes, int64_t n_latents) {
  const at::Tensor counts = codes.starts.slice(0, 1) - codes.starts.slice(0, 0, -1);
  const at::Tensor tokens = at::arange(codes.n_tokens()).repeat_interleave(counts);
  at::Tensor latents = at::zeros({codes.n_tokens(), n_latents});
  return latents.index_put_({tokens, codes.latents.to(at::kLong)}, codes.values);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) return 2;
  const sae::Sae sae = sae::load_sae(argv[1]);
  const at::Tensor x = model::SafetensorsFile(argv[2]).tensor("x").contiguous();
  const sae::Codes codes = sae::encode(sae, x);
  model::write_safetensors(argv[3],
                           {{"latents", dense(codes, sae.parameters.n_latents())}, {"x_hat", sae::decode(sae, codes)}});
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "sae_codes: %s\n", error.what());
  return 2;
}
