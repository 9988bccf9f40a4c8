#include "toy/mlp.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>

#include "base/random.h"
#include "toy/samples.h"
#include "toy/start.h"

namespace saesweep::toy {

namespace {

constexpr int64_t kWidening = 4;

}  // namespace

RandomMlp::RandomMlp(int64_t d, int64_t seed) {
  const int64_t hidden = kWidening * d;
  weight1_ = linear_start({"toy mlp weight", seed, d, int64_t{1}}, {hidden, d}, d);
  bias1_ = linear_start({"toy mlp bias", seed, d, int64_t{1}}, {hidden}, d);
  weight2_ = linear_start({"toy mlp weight", seed, d, int64_t{2}}, {d, hidden}, hidden);
  bias2_ = linear_start({"toy mlp bias", seed, d, int64_t{2}}, {d}, hidden);
}

at::Tensor RandomMlp::operator()(const at::Tensor& x) const {
  at::Tensor out = at::empty(x.sizes(), at::kFloat);
  for_each_block(x.size(0), [&](int64_t first, int64_t last) {
    const at::Tensor hidden = at::addmm(bias1_, x.narrow(0, first, last - first), weight1_.t()).relu_();
    out.narrow(0, first, last - first).copy_(at::addmm(bias2_, hidden, weight2_.t()));
  });
  return out;
}

}  // namespace saesweep::toy
