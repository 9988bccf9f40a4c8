#include "model/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "base/errors.h"
#include "model/options.h"
#include "model/small_model.h"
#include "support/temporary_folder.h"

namespace saesweep::model {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

//! A hub cache with two revisions of org/net-7m, made known by the environment, which it restores.
class HubCache : public ::testing::Test {
 protected:
  HubCache() {
    for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "HOME"}) {
      const char* value = std::getenv(name);
      before_[name] = value == nullptr ? "" : value;
      ::unsetenv(name);
    }
    ::setenv("HF_HOME", folder_.path().c_str(), 1);
    add("main", "aaaa", true);
    add("step0", "bbbb", true);
    add("step3000", "cccc", true);
  }
  ~HubCache() override {
    for (const auto& [name, value] : before_) {
      value.empty() ? ::unsetenv(name.c_str()) : ::setenv(name.c_str(), value.c_str(), 1);
    }
  }
  fs::path model() const { return folder_.path() / "hub" / "models--org--net-7m"; }
  fs::path snapshot(const std::string& hash) const { return model() / "snapshots" / hash; }
  void add(const std::string& revision, const std::string& hash, bool weights) const {
    write_file(model() / "refs" / revision, hash);
    test::write_config(snapshot(hash), test::small_config());
    if (weights) write_file(snapshot(hash) / "model.safetensors", "");
  }
  static std::string refusal(const std::string& given) {
    return test::message_of<ModelError>([&] { find_model(given); });
  }

  test::TemporaryFolder folder_;
  std::map<std::string, std::string> before_;
};

TEST_F(HubCache, ANameIsTheSnapshotOfMain) {
  write_file(snapshot("aaaa") / "tokenizer.json", "");
  const ModelSource source = find_model("org/net-7m");
  EXPECT_EQ(source.name, "net-7m");
  EXPECT_EQ(source.weights, snapshot("aaaa"));
  EXPECT_EQ(source.config, snapshot("aaaa") / "config.json");
  EXPECT_EQ(source.step0, snapshot("bbbb"));
  EXPECT_EQ(source.tokenizer, snapshot("aaaa") / "tokenizer.json");
}

TEST_F(HubCache, ARevisionIsARefOrASnapshotsHash) {
  EXPECT_EQ(find_model("org/net-7m@step3000").weights, snapshot("cccc"));
  EXPECT_EQ(find_model("org/net-7m@step3000").name, "net-7m@step3000");
  EXPECT_EQ(find_model("org/net-7m@step3000").step0, snapshot("bbbb"));
  EXPECT_EQ(find_model("org/net-7m@cccc").weights, snapshot("cccc"));
  EXPECT_EQ(find_model("org/net-7m@main").name, "net-7m");
}

TEST_F(HubCache, ASnapshotsFolderBearsTheModelsName) {
  EXPECT_EQ(find_model(snapshot("aaaa").string()).name, "net-7m");
}

TEST_F(HubCache, WhatIsNotThereSaysWhatFetchesIt) {
  EXPECT_THAT(refusal("org/net-7m@step9"),
              AllOf(HasSubstr("`scripts/fetch_models.sh org/net-7m@step9`"),
                    HasSubstr((folder_.path() / "hub").string()), HasSubstr("no such file or folder")));
  EXPECT_THAT(refusal("org/other"), HasSubstr("`scripts/fetch_models.sh org/other`"));
  EXPECT_THAT(refusal("org/with/more"), AllOf(HasSubstr("no such file or folder"), HasSubstr("ORG/NAME")));
  fs::remove(snapshot("cccc") / "config.json");  // a fetch that was broken off
  EXPECT_THAT(refusal("org/net-7m@step3000"), HasSubstr("fetch_models.sh"));
}

TEST_F(HubCache, APathGoesBeforeAName) {
  const fs::path before = fs::current_path();
  test::write_config(folder_.path() / "org" / "net-7m", test::small_config());
  fs::current_path(folder_.path());
  const ModelSource source = find_model("org/net-7m");
  fs::current_path(before);
  EXPECT_EQ(source.config, fs::path("org/net-7m/config.json"));
  EXPECT_EQ(source.weights, fs::path());
}

TEST_F(HubCache, LiesWhereHuggingFacesLibraryHasIt) {
  EXPECT_EQ(hub_cache(), folder_.path() / "hub");
  ::setenv("HUGGINGFACE_HUB_CACHE", "/two", 1);
  EXPECT_EQ(hub_cache(), "/two");
  ::setenv("HF_HUB_CACHE", "/one", 1);
  EXPECT_EQ(hub_cache(), "/one");
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME"}) ::unsetenv(name);
  ::setenv("HOME", "/home/ada", 1);
  EXPECT_EQ(hub_cache(), "/home/ada/.cache/huggingface/hub");
  ::setenv("XDG_CACHE_HOME", "/cache", 1);
  EXPECT_EQ(hub_cache(), "/cache/huggingface/hub");
}

TEST(ModelFolder, HasItsWeightsTokenizerAndStep0) {
  const test::TemporaryFolder folder;
  const fs::path path = folder.path() / "net-7m";
  test::write_small_model(path);
  ModelSource source = find_model(path.string() + "/");
  EXPECT_EQ(source.name, "net-7m");
  EXPECT_EQ(fs::path(source.weights).lexically_normal(), path / "");
  EXPECT_TRUE(source.step0.empty());
  EXPECT_THAT(test::message_of<ModelError>([&] { tokenizer_file(source, ""); }),
              AllOf(HasSubstr("brings no tokenizer.json"), HasSubstr("[model]"), HasSubstr("--tokenizer")));
  write_file(path / "tokenizer.json", "");
  test::write_small_model(path / "step0");
  source = find_model(path.string());
  EXPECT_EQ(source.step0, path / "step0");
  EXPECT_EQ(tokenizer_file(source, ""), path / "tokenizer.json");
  EXPECT_EQ(tokenizer_file(source, "/some/other.json"), "/some/other.json");
  EXPECT_EQ(tokenizer_file(source, folder.path()), folder.path() / "tokenizer.json");
}

TEST(ConfigAlone, IsAFileOrAFolderWithoutWeights) {
  const test::TemporaryFolder folder;
  test::write_config(folder.path() / "net-7m", test::small_config());
  for (const char* given : {"net-7m", "net-7m/config.json"}) {
    const ModelSource source = find_model((folder.path() / given).string());
    EXPECT_EQ(source.name, "net-7m") << given;
    EXPECT_EQ(source.config, folder.path() / "net-7m" / "config.json") << given;
    EXPECT_TRUE(source.weights.empty()) << given;
  }
  EXPECT_EQ(find_model("sweeps/configs/pythia-70m.json").name, "pythia-70m");
}

TEST(HubNames, AreOrgAndName) {
  for (const char* name : {"EleutherAI/pythia-1.4b", "a/b", "a/b@step0", "a_b/C-d@0.1"}) {
    EXPECT_TRUE(is_hub_name(name)) << name;
  }
  for (const char* name : {"a", "/a/b", "a/b/c", "a/", "/b", "../b", "./b", "a/b@", "a@b/c", "a/b c", "a/..", ""}) {
    EXPECT_FALSE(is_hub_name(name)) << name;
  }
}

}  // namespace
}  // namespace saesweep::model
