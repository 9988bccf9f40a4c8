#include "toy/batch_training.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <limits>

#include "base/stopwatch.h"
#include "train/tensor_optimizer.h"

namespace saesweep::toy {

namespace {

constexpr double kEpsilon = 1e-8;

at::Tensor stacked(std::span<const BatchMember> members, at::Tensor Parameters::*which) {
  std::vector<at::Tensor> all;
  for (const BatchMember& member : members) all.push_back(member.parameters->*which);
  return at::stack(all);
}

class Batch {
 public:
  explicit Batch(std::span<const BatchMember> members);

  //! Returns the samples seen of each SAE.
  int64_t run(const std::function<bool()>& is_stopped);
  bool is_stopped() const { return is_stopped_; }
  std::vector<double> losses() const;
  void take_back();

 private:
  //! Samples that members share.
  struct Source {
    const Standardized* data;
    int64_t seed;
    at::Tensor order = {};
  };
  void step(int64_t first, int64_t n);
  //! Of each member, [members, ...], rows of its source.
  at::Tensor gather(at::Tensor Standardized::*which, int64_t first, int64_t n) const;
  void update(const at::Tensor& gradient, at::Tensor& parameter, train::OptimizerState& state);

  std::span<const BatchMember> members_;
  TrainingOptions options_;
  std::vector<Source> sources_;
  at::Tensor source_of_;  //!< [members]
  at::Tensor W_enc_, b_enc_, W_dec_;
  at::Tensor penalties_;  //!< [members, 1, 1]
  train::OptimizerState encoder_, bias_, decoder_;
  train::OptimizerStep adam_;
  at::Tensor loss_;
  int64_t n_steps_ = 0;
  bool is_stopped_ = false;
};

Batch::Batch(std::span<const BatchMember> members)
    : members_(members),
      options_(members.front().settings.options),
      W_enc_(stacked(members, &Parameters::W_enc)),
      b_enc_(stacked(members, &Parameters::b_enc).unsqueeze(1)),
      W_dec_(stacked(members, &Parameters::W_dec)) {
  std::vector<int64_t> places;
  std::vector<double> penalties;
  for (const BatchMember& member : members) {
    const auto found = std::ranges::find_if(sources_, [&](const Source& source) {
      return source.data == member.data && source.seed == member.settings.seed;
    });
    places.push_back(found - sources_.begin());
    if (found == sources_.end()) sources_.push_back({member.data, member.settings.seed});
    penalties.push_back(member.settings.penalty);
  }
  source_of_ = at::tensor(places).to(W_enc_.device());
  penalties_ = at::tensor(penalties, W_enc_.options()).view({-1, 1, 1});
  const train::Recipe recipe{.adam_epsilon = kEpsilon};
  encoder_ = train::OptimizerState(recipe, W_enc_);
  bias_ = train::OptimizerState(recipe, b_enc_);
  decoder_ = train::OptimizerState(recipe, W_dec_);
}

at::Tensor Batch::gather(at::Tensor Standardized::*which, int64_t first, int64_t n) const {
  std::vector<at::Tensor> rows;
  for (const Source& source : sources_)
    rows.push_back(at::index_select(source.data->*which, 0, source.order.narrow(0, first, n)));
  return at::index_select(at::stack(rows), 0, source_of_);
}

void Batch::update(const at::Tensor& gradient, at::Tensor& parameter, train::OptimizerState& state) {
  train::tensors::update_rows(adam_, state, 0, gradient, parameter);
}

void Batch::step(int64_t first, int64_t n) {
  const int64_t n_latents = W_enc_.size(1);
  const auto n_values = static_cast<double>(n * W_enc_.size(2));
  const auto n_codes = static_cast<double>(n * n_latents);
  const at::Tensor x = gather(&Standardized::x, first, n);
  const at::Tensor variance = gather(&Standardized::deviation, first, n).square_().unsqueeze(2);
  const at::Tensor codes = at::baddbmm(b_enc_, x, W_enc_.transpose(1, 2)).relu_();
  at::Tensor error = at::bmm(codes, W_dec_).sub_(x);
  const at::Tensor activation = codes.sum({1, 2}).div_(n_codes);
  loss_ = error.square().mul_(variance).sum({1, 2}).div_(n_values).add_(penalties_.view({-1}).mul(activation));
  error.mul_(variance.mul(2.0 / n_values));
  at::Tensor gradient = at::bmm(error, W_dec_.transpose(1, 2)).add_(penalties_.div(n_codes)).mul_(codes.gt(0));
  adam_ = train::OptimizerStep::adam(++n_steps_, options_.learning_rate, kEpsilon);
  update(at::bmm(codes.transpose(1, 2), error), W_dec_, decoder_);
  W_dec_.div_(W_dec_.norm(2, {2}, /*keepdim=*/true).add_(std::numeric_limits<float>::epsilon()));
  update(at::bmm(gradient.transpose(1, 2), x), W_enc_, encoder_);
  update(gradient.sum({1}, /*keepdim=*/true), b_enc_, bias_);
}

int64_t Batch::run(const std::function<bool()>& is_stopped) {
  const int64_t n = members_.front().data->n();
  int64_t n_seen = 0;
  for (int64_t epoch = 0; epoch < options_.epochs; ++epoch) {
    for (Source& source : sources_) {
      const std::vector<uint32_t> order = sample_order(n, source.seed, epoch);
      source.order = at::tensor(std::vector<int64_t>(order.begin(), order.end())).to(W_enc_.device());
    }
    for (int64_t first = 0; first < n; first += options_.batch) {
      const int64_t size = std::min(options_.batch, n - first);
      step(first, size);
      n_seen += size;
      is_stopped_ = is_stopped();
      if (is_stopped_) return n_seen;
    }
  }
  return n_seen;
}

std::vector<double> Batch::losses() const {
  const at::Tensor all = loss_.to(at::kCPU, at::kDouble);
  const auto* values = all.const_data_ptr<double>();
  return {values, values + all.numel()};
}

void Batch::take_back() {
  for (size_t i = 0; i < members_.size(); ++i) {
    const auto place = static_cast<int64_t>(i);
    *members_[i].parameters = {W_enc_.select(0, place), b_enc_.select(0, place).squeeze(0), W_dec_.select(0, place)};
  }
}

}  // namespace

std::vector<TrainingReport> train_batch(std::span<const BatchMember> members, const std::function<bool()>& is_stopped) {
  const c10::NoGradGuard guard;
  const Stopwatch watch;
  Batch batch(members);
  const int64_t n_seen = batch.run(is_stopped);
  const std::vector<double> losses = batch.losses();  // waits for the device
  batch.take_back();
  std::vector<TrainingReport> reports(members.size());
  for (size_t i = 0; i < reports.size(); ++i) {
    reports[i].loss = losses[i];
    reports[i].samples = n_seen;
    reports[i].seconds = watch.seconds() / static_cast<double>(members.size());
    reports[i].is_stopped = batch.is_stopped();
  }
  return reports;
}

uint64_t batch_bytes(const TrainingOptions& options, int64_t n_samples, int64_t d_in, int64_t n_latents) {
  const int64_t batch = std::min(options.batch, n_samples);
  // Both matrices with two moments, a gradient and two of Adam's intermediates; codes and their gradient with a mask
  // and two intermediates; samples and errors.
  const int64_t numbers = int64_t{12} * n_latents * d_in + 5 * batch * n_latents + 5 * batch * d_in;
  return static_cast<uint64_t>(numbers) * sizeof(float);
}

}  // namespace saesweep::toy
