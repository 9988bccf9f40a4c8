#include "toy/batch_training.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

#include "base/stopwatch.h"
#include "toy/batch_math.h"

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
  Batch(std::span<const BatchMember> members, const BatchMath& math);

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

  std::span<const BatchMember> members_;
  const BatchMath& math_;
  TrainingOptions options_;
  std::vector<Source> sources_;
  at::Tensor source_of_;  //!< [members]
  at::Tensor W_enc_, b_enc_, W_dec_;
  at::Tensor penalties_;  //!< [members]
  train::OptimizerState encoder_, bias_, decoder_;
  at::Tensor errors_, activations_;  //!< [members, samples of the last step]: sums over a sample
  int64_t n_steps_ = 0;
  bool is_stopped_ = false;
};

Batch::Batch(std::span<const BatchMember> members, const BatchMath& math)
    : members_(members),
      math_(math),
      options_(members.front().settings.options),
      W_enc_(stacked(members, &Parameters::W_enc)),
      b_enc_(stacked(members, &Parameters::b_enc)),
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
  penalties_ = at::tensor(penalties, W_enc_.options());
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

void Batch::step(int64_t first, int64_t n) {
  const at::Tensor x = gather(&Standardized::x, first, n);
  const at::Tensor variance = gather(&Standardized::deviation, first, n).square_();
  at::Tensor codes = at::bmm(x, W_enc_.transpose(1, 2));
  activations_ = math_.rectify(b_enc_, codes);
  at::Tensor error = at::bmm(codes, W_dec_);
  errors_ = math_.take_error(x, variance, error);
  at::Tensor gradient = at::bmm(error, W_dec_.transpose(1, 2));
  const at::Tensor d_b_enc =
      math_.back_through_relu(penalties_ / static_cast<double>(n * codes.size(2)), codes, gradient);
  const auto adam = train::OptimizerStep::adam(++n_steps_, options_.learning_rate, kEpsilon);
  math_.update(adam, at::bmm(codes.transpose(1, 2), error), W_dec_, decoder_, /*normalizes=*/true);
  math_.update(adam, at::bmm(gradient.transpose(1, 2), x), W_enc_, encoder_, /*normalizes=*/false);
  math_.update(adam, d_b_enc, b_enc_, bias_, /*normalizes=*/false);
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
  const auto n = static_cast<double>(errors_.size(1));
  const at::Tensor error = errors_.sum({1}, /*keepdim=*/false, at::kDouble).div_(n * W_enc_.size(2));
  const at::Tensor activation = activations_.sum({1}, /*keepdim=*/false, at::kDouble).div_(n * W_enc_.size(1));
  const at::Tensor all = error.add_(activation.mul_(penalties_)).to(at::kCPU);
  const auto* values = all.const_data_ptr<double>();
  return {values, values + all.numel()};
}

void Batch::take_back() {
  for (size_t i = 0; i < members_.size(); ++i) {
    const auto place = static_cast<int64_t>(i);
    *members_[i].parameters = {W_enc_.select(0, place), b_enc_.select(0, place), W_dec_.select(0, place)};
  }
}

}  // namespace

std::vector<TrainingReport> train_batch(std::span<const BatchMember> members, const std::function<bool()>& is_stopped,
                                        const BatchMath* math) {
  const c10::NoGradGuard guard;
  const Stopwatch watch;
  Batch batch(members, math != nullptr ? *math : batch_math_of(members.front().parameters->W_enc.device()));
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
  // By ATen: both matrices with two moments, a gradient and two of Adam's intermediates; codes and their gradient with
  // a mask and two intermediates; samples and errors. Kernels of our own need less.
  const int64_t numbers = int64_t{12} * n_latents * d_in + 5 * batch * n_latents + 5 * batch * d_in;
  return static_cast<uint64_t>(numbers) * sizeof(float);
}

uint64_t samples_bytes(int64_t n_samples, int64_t d_in) {
  return static_cast<uint64_t>(n_samples) * (static_cast<uint64_t>(d_in + 2) * sizeof(float) + sizeof(int64_t));
}

}  // namespace saesweep::toy
