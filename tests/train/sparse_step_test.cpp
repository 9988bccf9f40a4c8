#include "train/sparse_step.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "sae/drawn.h"
#include "train/dense_sae.h"

namespace saesweep::train {
namespace {

constexpr int64_t kTokens = 150;  // more than two blocks of tokens, the last one not full
constexpr int64_t kDIn = 24;
constexpr int64_t kLatents = 200;  // likewise for latents; at k 4 some of them never fire
constexpr int64_t kActive = 4;

//! One step of a drawn SAE with unit rows on drawn activations.
struct Step {
  sae::TopKSae sae = test::drawn_sae(kDIn, kLatents, kActive);
  at::Tensor x = test::drawn("x", {kTokens, kDIn});
  std::vector<at::Tensor> before;
  SaeMoments moments;
  LatentIndex index{kLatents};
  AdamCoefficients adam = AdamCoefficients::at_step(1, 0.01);
  BatchGradients gradients;

  Step() {
    sae::normalize_rows(sae.parameters.W_dec);
    sae.parameters.b_enc -= 4;
    for (const at::Tensor& tensor : test::tensors_of(sae)) before.push_back(tensor.clone());
    moments = {Moments::zeros_like(before[0]), Moments::zeros_like(before[1]), Moments::zeros_like(before[2]),
               Moments::zeros_like(before[3])};
  }

  double total_variance() const {
    const at::Tensor wide = x.to(at::kDouble);
    return (wide - wide.mean(0)).pow(2).sum().item<double>();
  }
  void run() {
    const at::Tensor centered = sae::center(sae, x);
    const sae::Codes codes = sae::encode_centered(sae, centered);
    gradients = backward_to_codes(sae, codes, x, total_variance());
    index.build(codes);
    update_parameters(sae, moments, adam, codes, index, gradients, centered);
  }
  std::vector<Moments> all_moments() const { return {moments.W_enc, moments.b_enc, moments.W_dec, moments.b_dec}; }
};

double largest(const at::Tensor& tensor) {
  return tensor.abs().max().item<double>();
}

TEST(BackwardToCodes, SquaredErrorIsTheDenseLoss) {
  Step step;
  const double expected = test::DenseSae(step.sae).loss(step.x.to(at::kDouble)).item<double>();
  step.run();
  EXPECT_NEAR(step.gradients.squared_error / step.total_variance(), expected, 1e-6 * expected);
}

// From moments of zero, Adam's are 0.1 g and 0.001 g^2: they show the gradients. Each is a sum of up to kTokens terms
// over dot products of kDIn; the rounding of a float32 sum of n terms is at most n * 2^-24 of the sum of their sizes,
// which here is some times the largest gradient: 1e-5 of that.
TEST(UpdateParameters, GradientsAreAutogradsOfTheDenseForm) {
  Step step;
  test::DenseSae dense(step.sae);
  const std::vector<at::Tensor> expected = dense.gradients(dense.loss(step.x.to(at::kDouble)));
  step.run();
  const std::vector<Moments> moments = step.all_moments();
  for (size_t i = 0; i < expected.size(); ++i) {
    const double scale = largest(expected[i]);
    ASSERT_GT(scale, 0);
    EXPECT_LT(largest(moments[i].first.to(at::kDouble) / 0.1 - expected[i]), 1e-5 * scale) << "tensor " << i;
    EXPECT_LT(largest(moments[i].second.to(at::kDouble) / 0.001 - expected[i] * expected[i]), 2e-5 * scale * scale)
        << "tensor " << i;
  }
}

TEST(UpdateParameters, StepIsAdamsOnThoseMoments) {
  Step step;
  step.adam = AdamCoefficients::at_step(3, 0.01);
  step.run();
  const std::vector<Moments> moments = step.all_moments();
  const std::vector<at::Tensor> after = test::tensors_of(step.sae);
  for (size_t i = 0; i < after.size(); ++i) {
    const at::Tensor mean = moments[i].first.to(at::kDouble) / (1 - std::pow(0.9, 3));
    const at::Tensor deviation = (moments[i].second.to(at::kDouble) / (1 - std::pow(0.999, 3))).sqrt();
    at::Tensor expected = step.before[i].to(at::kDouble) - 0.01 * mean / (deviation + 1e-8);
    if (i == 2) expected /= expected.norm(2, 1, /*keepdim=*/true) + std::numeric_limits<float>::epsilon();
    // A few roundings of a parameter: 2^-23 of the largest.
    EXPECT_LT(largest(after[i].to(at::kDouble) - expected), 4 * std::ldexp(largest(expected), -23)) << "tensor " << i;
  }
}

TEST(UpdateParameters, GradientOfTheDecoderIsAcrossItsRows) {
  Step step;
  step.run();
  const at::Tensor along = (step.moments.W_dec.first * step.before[2]).sum(1);
  EXPECT_LT(largest(along), 1e-6 * largest(step.moments.W_dec.first));
  EXPECT_TRUE(at::allclose(step.sae.parameters.W_dec.norm(2, 1), at::ones({kLatents}), 0, 1e-6));
}

TEST(UpdateParameters, LatentsThatNeverFireStayInPlace) {
  Step step;
  step.run();
  int64_t n_silent = 0;
  for (int64_t latent = 0; latent < kLatents; ++latent) {
    if (!step.index.firings(latent).empty()) continue;
    ++n_silent;
    EXPECT_TRUE(at::equal(step.sae.parameters.W_enc[latent], step.before[0][latent]));
    EXPECT_TRUE(at::equal(step.sae.parameters.b_enc[latent], step.before[1][latent]));
    EXPECT_TRUE(at::allclose(step.sae.parameters.W_dec[latent], step.before[2][latent], 0, 1e-6));
  }
  EXPECT_GT(n_silent, 0);
  EXPECT_LT(n_silent, kLatents);
}

//! Sets ATen's threads while it lives.
class Threads {
 public:
  explicit Threads(int n) : before_(at::get_num_threads()) { at::set_num_threads(n); }
  ~Threads() { at::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

TEST(SparseStep, BitsDoNotDependOnTheThreads) {
  Step one, two, three;
  const auto run_on = [](Step& step, int n_threads) {
    const Threads threads(n_threads);
    step.run();
  };
  run_on(one, 1);
  run_on(two, 2);
  run_on(three, 3);
  for (const Step* other : {&two, &three}) {
    EXPECT_EQ(other->gradients.squared_error, one.gradients.squared_error);
    EXPECT_TRUE(at::equal(other->gradients.x_hat, one.gradients.x_hat));
    EXPECT_TRUE(at::equal(other->gradients.values, one.gradients.values));
    for (size_t i = 0; i < one.before.size(); ++i) {
      EXPECT_TRUE(at::equal(test::tensors_of(other->sae)[i], test::tensors_of(one.sae)[i])) << "tensor " << i;
      EXPECT_TRUE(at::equal(other->all_moments()[i].second, one.all_moments()[i].second)) << "tensor " << i;
    }
  }
}

}  // namespace
}  // namespace saesweep::train
