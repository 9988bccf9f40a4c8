#include <gtest/gtest.h>

#include "base/errors.h"
#include "base/files.h"
#include "base/json.h"
#include "support/shared_folder.h"
#include "sweep/store_making.h"
#include "text/sample_tokenizer.h"
#include "text/store_build.h"

namespace saesweep::sweep {
namespace {

namespace fs = std::filesystem;

class StoreMakingTest : public testing::Test {
 protected:
  StoreMakingTest() : comm_(mpi::Comm::world()), folder_(comm_) {
    if (comm_.is_root()) {
      test::write_tokenizer(folder_.path());
      for (int file = 0; file < 9; ++file) {
        std::string lines;
        for (int i = 0; i < 50; ++i) lines += Json{{"text", "hello " + std::to_string(file * i)}}.dump() + "\n";
        write_file(at(std::to_string(file) + ".jsonl"), lines);
      }
    }
    comm_.barrier();
  }

  fs::path at(const std::string& name) const { return folder_.path() / name; }

  StoreOrder order() const {
    StoreOrder order{at("made.tokens"), {}, text::Tokenizer::load(at("tokenizer.json")), {}};
    for (int file = 0; file < 9; ++file) order.files.push_back(at(std::to_string(file) + ".jsonl"));
    return order;
  }

  size_t n_hidden_folders() const {
    size_t n = 0;
    for (const auto& entry : fs::directory_iterator(folder_.path())) n += entry.is_directory() ? 1 : 0;
    return n;
  }

  mpi::Comm comm_;
  test::SharedFolder folder_;
};

TEST_F(StoreMakingTest, AnyNumberOfRanksMakesTheBytesThatOneProcessMakes) {
  make_store(
      order(), [] { return false; }, comm_, ProgressLine::Mode::kNone);
  if (comm_.is_root()) {
    text::make_store(at("alone.tokens"), order().files, order().tokenizer);
    EXPECT_EQ(read_file(at("made.tokens")), read_file(at("alone.tokens")));
    EXPECT_EQ(n_hidden_folders(), 0u);
  }
  comm_.barrier();
}

TEST_F(StoreMakingTest, ABadLineIsOneErrorOnAllRanksAndLeavesNothing) {
  if (comm_.is_root()) write_file(at("5.jsonl"), "{\"text\": \"x\"}\nbad\n");
  comm_.barrier();
  try {
    make_store(
        order(), [] { return false; }, comm_, ProgressLine::Mode::kNone);
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::kBadInput);
    EXPECT_NE(std::string(error.what()).find("5.jsonl:2"), std::string::npos) << error.what();
  }
  comm_.barrier();
  if (comm_.is_root()) {
    EXPECT_FALSE(fs::exists(at("made.tokens")));
    EXPECT_EQ(n_hidden_folders(), 0u);
  }
  comm_.barrier();
}

TEST_F(StoreMakingTest, WhatAnotherJobHasMadeIsNotMadeAgain) {
  make_store(
      order(), [] { return true; }, comm_, ProgressLine::Mode::kNone);
  EXPECT_FALSE(fs::exists(at("made.tokens")));
}

TEST_F(StoreMakingTest, LeavingsOfAKilledJobAreRemoved) {
  if (comm_.is_root()) fs::create_directory(at(".made.tokens.making.abcdef"));
  comm_.barrier();
  make_store(
      order(), [] { return false; }, comm_, ProgressLine::Mode::kNone);
  if (comm_.is_root()) {  // which removes it, maybe after the others have gone on
    EXPECT_EQ(n_hidden_folders(), 0u);
  }
  comm_.barrier();
}

}  // namespace
}  // namespace saesweep::sweep
