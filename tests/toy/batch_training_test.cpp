#include "toy/batch_training.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace saesweep::toy {
namespace {

double distance(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST(BatchTraining, TrainsEachSaeAsAlone) {
  const DataOptions options{.features = 32, .d_in = 16, .active_features = 2, .samples = 1100};
  std::vector<Dataset> data;
  for (const int64_t seed : {1, 2}) data.push_back(make_dataset(options, nullptr, {"superposed", false, seed}));
  std::vector<Parameters> alone, together;
  std::vector<BatchMember> members;
  for (size_t i = 0; i < 4; ++i) {
    const auto seed = static_cast<int64_t>(i / 2 + 1);
    alone.push_back(initial_parameters(16, 200, seed));
    together.push_back(alone.back().clone());
    members.push_back({&data[i / 2].train, {{.epochs = 5}, i % 2 == 0 ? 1e-3 : 0.1, seed}, nullptr});
  }
  for (size_t i = 0; i < 4; ++i) members[i].parameters = &together[i];
  const auto reports = train_batch(members, [] { return false; });
  for (size_t i = 0; i < 4; ++i) {
    const TrainingReport report = train(
        *members[i].data, members[i].settings, [] { return false; }, alone[i]);
    EXPECT_EQ(reports[i].samples, report.samples);
    EXPECT_NEAR(reports[i].loss, report.loss, 1e-5 * report.loss);
    EXPECT_LT(distance(together[i].W_enc, alone[i].W_enc), 1e-4);
    EXPECT_LT(distance(together[i].b_enc, alone[i].b_enc), 1e-4);
    EXPECT_LT(distance(together[i].W_dec, alone[i].W_dec), 1e-4);
  }
}

}  // namespace
}  // namespace saesweep::toy
