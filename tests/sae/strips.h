#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <span>
#include <vector>

#include "base/random.h"
#include "sae/codes.h"
#include "sae/product_strips.h"

namespace saesweep::test {

//! Hands products, [tokens, latents] float32, to candidates (TopKCandidates and the like) as for_each_strip does.
template <typename Candidates>
class StripFeed {
 public:
  StripFeed(Candidates& candidates, const at::Tensor& products, const at::Tensor& bias, int64_t tokens_a_strip)
      : candidates_(&candidates), products_(products.contiguous()), bias_(bias), tokens_a_strip_(tokens_a_strip) {}

  int64_t n_blocks() const { return (products_.size(0) + tokens_a_strip_ - 1) / tokens_a_strip_; }
  int64_t n_steps() const { return (products_.size(1) + sae::kTileLatents - 1) / sae::kTileLatents; }

  //! The strip of a block of tokens and a tile of latents.
  void add(int64_t block, int64_t step) const {
    const int64_t first_token = block * tokens_a_strip_, first_latent = step * sae::kTileLatents;
    const int64_t n_tokens = std::min(tokens_a_strip_, products_.size(0) - first_token);
    const int64_t n_latents = std::min(sae::kTileLatents, products_.size(1) - first_latent);
    at::Tensor tile = at::zeros({n_tokens, sae::kTileLatents});
    tile.narrow(1, 0, n_latents).copy_(products_.narrow(0, first_token, n_tokens).narrow(1, first_latent, n_latents));
    candidates_->add({first_token, n_tokens, first_latent, n_latents, tile.const_data_ptr<float>()},
                     std::span(bias_.const_data_ptr<float>(), static_cast<size_t>(bias_.numel())));
  }

  //! All strips, those of a token in rising order of latents; which token's comes next is drawn.
  void add_all(int64_t seed) const {
    const Stream stream{std::string("strips"), seed};
    std::vector<int64_t> next(static_cast<size_t>(n_blocks()), 0), open(next.size());
    for (size_t i = 0; i < open.size(); ++i) open[i] = static_cast<int64_t>(i);
    for (uint64_t draw = 0; !open.empty(); ++draw) {
      const auto chosen = static_cast<size_t>(stream.uniform(draw) * static_cast<double>(open.size()));
      const int64_t block = open[chosen];
      add(block, next[static_cast<size_t>(block)]++);
      if (next[static_cast<size_t>(block)] == n_steps()) open.erase(open.begin() + static_cast<std::ptrdiff_t>(chosen));
    }
  }

  //! All strips, blocks of tokens on ATen's threads.
  void add_on_threads() const {
    at::parallel_for(0, n_blocks(), 1, [this](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) {
        for (int64_t step = 0; step < n_steps(); ++step) add(block, step);
      }
    });
  }

 private:
  Candidates* candidates_;
  at::Tensor products_, bias_;
  int64_t tokens_a_strip_;
};

//! The codes that candidates make of all products, in an order that is drawn.
template <typename Candidates>
sae::Codes codes_of_strips(Candidates candidates, const at::Tensor& products, const at::Tensor& bias, int64_t seed = 0,
                           int64_t tokens_a_strip = 7) {
  StripFeed(candidates, products, bias, tokens_a_strip).add_all(seed);
  return candidates.codes();
}

}  // namespace saesweep::test
