#include "train/checkpoint.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/files.h"
#include "sae/drawn.h"
#include "support/temporary_folder.h"
#include "train/sae_trainer.h"

namespace saesweep::train {
namespace {

namespace fs = std::filesystem;
using sae::Architecture;

constexpr int64_t kDIn = 16;
constexpr int64_t kBatch = 128;
constexpr int64_t kSteps = 8;

struct Kind {
  Architecture architecture;
  std::string optimizer = "adam";
  std::string optimizer_state = "float32";
};

std::string name_of(const testing::TestParamInfo<Kind>& info) {
  return std::string(sae::name_of(info.param.architecture)) + "_" + info.param.optimizer + "_" +
         info.param.optimizer_state;
}

TrainOptions options_of(const Kind& kind) {
  TrainOptions options;
  options.tokens = kSteps * kBatch;
  options.batch_tokens = kBatch;
  options.learning_rate = 5e-3;
  options.warmup_steps = 2;
  options.optimizer = kind.optimizer;
  options.optimizer_state = kind.optimizer_state;
  options.dead_after_tokens = 2 * kBatch;
  if (takes_k(kind.architecture)) options.auxk_alpha = 1.0 / 32;
  return options;
}

sae::SaeOptions sae_of(const Kind& kind) {
  return {.architecture = kind.architecture, .expansion_factor = 8, .k = 4, .penalty = 0.01};
}

SaeTrainer trainer_of(const Kind& kind) {
  return {kDIn, sae_of(kind), options_of(kind), /*seed=*/3};
}

at::Tensor batch(int64_t step) {
  return test::drawn("batch " + std::to_string(step), {kBatch, kDIn}) * 2 + 1;
}

std::vector<at::Tensor> tensors_of(const SaeTrainer& trainer) {
  const sae::Parameters& p = trainer.sae().parameters;
  std::vector<at::Tensor> tensors{p.W_enc, p.b_enc, p.W_dec, p.b_dec};
  if (p.threshold.defined()) tensors.push_back(p.threshold);
  return tensors;
}

class GoneOn : public testing::TestWithParam<Kind> {};

TEST_P(GoneOn, TrainingHasTheBitsOfTrainingThatNeverStopped) {
  const test::TemporaryFolder folder;
  SaeTrainer whole = trainer_of(GetParam());
  for (int64_t step = 0; step < kSteps; ++step) {
    const StepReport expected = whole.step(batch(step));
    // A new trainer each step, from the files of the last one.
    SaeTrainer part = trainer_of(GetParam());
    if (step > 0) {
      const auto found = read_checkpoint(std::vector{folder.path()}, "cell", [](const std::string&) { FAIL(); });
      ASSERT_TRUE(found);
      part.restore(found->trainer);
    }
    const StepReport report = part.step(batch(step));
    EXPECT_EQ(report.loss, expected.loss) << step;
    EXPECT_EQ(report.dead_fraction, expected.dead_fraction) << step;
    const auto tensors = tensors_of(whole), again = tensors_of(part);
    for (size_t i = 0; i < tensors.size(); ++i) EXPECT_TRUE(at::equal(tensors[i], again[i])) << step << " tensor " << i;
    if (step + 1 < kSteps) write_checkpoint(folder.path(), {"cell", part.state(), {}});
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, GoneOn,
                         testing::Values(Kind{Architecture::kTopK}, Kind{Architecture::kGroupMax},
                                         Kind{Architecture::kBatchTopK}, Kind{Architecture::kRelu},
                                         Kind{Architecture::kJumpRelu}, Kind{Architecture::kMatryoshka},
                                         Kind{Architecture::kTopK, "signum"}, Kind{Architecture::kJumpRelu, "signum"},
                                         Kind{Architecture::kTopK, "adam", "bfloat16"}),
                         name_of);

//! Files of a cell after 2, 3 and 4 steps, of which the first is removed.
class Files : public testing::Test {
 protected:
  void SetUp() override {
    SaeTrainer trainer = trainer_of(kind_);
    for (int64_t step = 0; step < 4; ++step) {
      trainer.step(batch(step));
      if (step > 0) write_checkpoint(place(), {"cell", trainer.state(), {{"note", step}}});
    }
  }

  const fs::path& place() const { return folder_.path(); }
  fs::path file(int64_t steps) const { return place() / "cell" / fmt::format("{:010}.safetensors", steps); }

  std::optional<Checkpoint> found(const std::string& cell = "cell") {
    bad_.clear();
    return read_checkpoint(std::vector{place()}, cell, [this](const std::string& problem) { bad_.push_back(problem); });
  }

  void expect_the_one_before(const std::string& problem) {
    const auto checkpoint = found();
    ASSERT_TRUE(checkpoint);
    EXPECT_EQ(checkpoint->trainer.steps_done, 3);
    ASSERT_EQ(bad_.size(), 1u);
    EXPECT_NE(bad_[0].find(file(4).string()), std::string::npos) << bad_[0];
    EXPECT_NE(bad_[0].find(problem), std::string::npos) << bad_[0];
  }

  void change(size_t place_in_file) const {
    std::string bytes = read_file(file(4));
    bytes[place_in_file] ^= 1;
    write_file(file(4), bytes);
  }

  const Kind kind_{Architecture::kTopK};
  const test::TemporaryFolder folder_;
  std::vector<std::string> bad_;
};

TEST_F(Files, TheLastTwoAreKept) {
  EXPECT_FALSE(fs::exists(file(2)));
  EXPECT_TRUE(fs::exists(file(3)));
  EXPECT_TRUE(fs::exists(file(4)));
  EXPECT_EQ(checkpointed_steps(std::vector{place()}, "cell"), 4);
  EXPECT_EQ(found()->more["note"], 3);
}

TEST_F(Files, AnyDamageGivesWayToTheOneBefore) {
  const std::string whole = read_file(file(4));
  for (const size_t at : {whole.size() - 1, whole.size() / 2, whole.size() / 3}) {
    change(at);
    expect_the_one_before("damaged");
    write_file(file(4), whole);
  }
  for (const size_t length : {size_t{0}, size_t{7}, size_t{100}, whole.size() / 2, whole.size() - 1}) {
    write_file(file(4), whole.substr(0, length));
    expect_the_one_before("");
  }
}

TEST_F(Files, ADamagedHeaderGivesWayToTheOneBefore) {
  const std::string whole = read_file(file(4));
  const size_t header = 8 + static_cast<size_t>(*reinterpret_cast<const uint64_t*>(whole.data()));
  for (size_t at = 8; at < header; at += 7) {
    change(at);
    const auto checkpoint = found();
    ASSERT_TRUE(checkpoint);
    // A space of padding may change without harm.
    const bool is_harmless = bad_.empty() && whole[at] == ' ';
    EXPECT_TRUE(checkpoint->trainer.steps_done == 3 || is_harmless) << "byte " << at << " '" << whole[at] << "'";
    write_file(file(4), whole);
  }
}

TEST_F(Files, AnotherCellsFileIsNotTaken) {
  fs::create_directories(place() / "other");
  fs::copy(file(4), place() / "other");
  EXPECT_FALSE(found("other"));
  ASSERT_EQ(bad_.size(), 1u);
  EXPECT_NE(bad_[0].find("cell_id"), std::string::npos) << bad_[0];
}

TEST_F(Files, WithoutAnyThereIsNone) {
  EXPECT_FALSE(found("none"));
  EXPECT_TRUE(bad_.empty());
  EXPECT_EQ(checkpointed_steps(std::vector{place()}, "none"), 0);
}

TEST_F(Files, TheFurthestOfSeveralFoldersIsTaken) {
  const test::TemporaryFolder other;
  fs::create_directories(other.path() / "cell");
  fs::rename(file(4), other.path() / "cell" / file(4).filename());
  const std::vector<fs::path> folders{place(), other.path(), place() / "none"};
  EXPECT_EQ(checkpointed_steps(folders, "cell"), 4);
  EXPECT_EQ(read_checkpoint(folders, "cell", {})->trainer.steps_done, 4);
}

TEST_F(Files, WhatAKilledWriterLeftIsRemovedByTheNext) {
  write_file(place() / "cell" / "0000000005.safetensors.12345.tmp", "half");
  SaeTrainer trainer = trainer_of(kind_);
  trainer.restore(found()->trainer);
  trainer.step(batch(4));
  write_checkpoint(place(), {"cell", trainer.state(), {}});
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(place() / "cell")) names.push_back(entry.path().filename());
  std::ranges::sort(names);
  EXPECT_EQ(names, (std::vector<std::string>{"0000000004.safetensors", "0000000005.safetensors"}));
}

TEST_F(Files, ATrainedCellsAreRemoved) {
  remove_checkpoints(place(), "cell");
  EXPECT_TRUE(fs::is_empty(place()));
}

TEST_F(Files, ItsBytesArePredicted) {
  const auto predicted = checkpoint_bytes(kDIn, kDIn * 8, sae_of(kind_), options_of(kind_));
  EXPECT_NEAR(static_cast<double>(fs::file_size(file(4))), static_cast<double>(predicted), 4096);
}

TEST_F(Files, OtherSettingsAreRefusedByName) {
  const TrainerState state = found()->trainer;
  const auto refusal = [&](const Kind& kind) -> std::string {
    try {
      trainer_of(kind).restore(state);
    } catch (const ModelError& error) {
      return error.what();
    }
    return "taken";
  };
  EXPECT_NE(refusal({Architecture::kTopK, "signum"}).find("tensors"), std::string::npos);
  EXPECT_NE(refusal({Architecture::kTopK, "adam", "bfloat16"}).find("expected BFloat16"), std::string::npos);
}

}  // namespace
}  // namespace saesweep::train
