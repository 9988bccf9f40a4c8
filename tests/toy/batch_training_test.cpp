#include "toy/batch_training.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "model/compute.h"

namespace saesweep::toy {
namespace {

//! Relative to what is expected.
double distance(const at::Tensor& found, const at::Tensor& expected) {
  return (found - expected).norm().item<double>() / expected.norm().item<double>();
}

//! Four SAEs of two data sets and two penalties, trained one by one on the CPU and as a batch on the device.
void expect_batch_equals_each_alone(at::Device device) {
  const DataOptions options{.features = 32, .d_in = 16, .active_features = 2, .samples = 1100};
  std::vector<Dataset> data;
  std::vector<Standardized> there;
  for (const int64_t seed : {1, 2}) {
    data.push_back(make_dataset(options, nullptr, {"superposed", false, seed}));
    there.push_back(data.back().train.to(device));
  }
  std::vector<Parameters> alone, together;
  std::vector<BatchMember> members;
  for (size_t i = 0; i < 4; ++i) {
    const auto seed = static_cast<int64_t>(i / 2 + 1);
    alone.push_back(initial_parameters(16, 200, seed));
    together.push_back(alone.back().clone().to(device));
    members.push_back({&there[i / 2], {{.epochs = 5}, i % 2 == 0 ? 1e-3 : 0.1, seed}, nullptr});
  }
  for (size_t i = 0; i < 4; ++i) members[i].parameters = &together[i];
  const auto reports = train_batch(members, [] { return false; });
  for (size_t i = 0; i < 4; ++i) {
    const TrainingReport report = train(
        data[i / 2].train, members[i].settings, [] { return false; }, alone[i]);
    const Parameters found = together[i].to(at::kCPU);
    EXPECT_EQ(reports[i].samples, report.samples);
    EXPECT_NEAR(reports[i].loss, report.loss, 1e-5 * report.loss);
    EXPECT_LT(distance(found.W_enc, alone[i].W_enc), 1e-3);
    EXPECT_LT(distance(found.b_enc, alone[i].b_enc), 1e-3);
    EXPECT_LT(distance(found.W_dec, alone[i].W_dec), 1e-3);
  }
}

TEST(BatchTraining, TrainsEachSaeAsAlone) {
  expect_batch_equals_each_alone(at::kCPU);
}

TEST(BatchTraining, OnCudaTrainsEachSaeAsAloneOnTheCpu) {
  if (model::n_cuda_devices() == 0) GTEST_SKIP() << "no CUDA device";
  expect_batch_equals_each_alone(model::device_from("cuda:0"));
}

}  // namespace
}  // namespace saesweep::toy
